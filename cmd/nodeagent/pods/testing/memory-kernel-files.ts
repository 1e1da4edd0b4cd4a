/** A tree of kernel files in memory: any file may be written, folders are there once made. */
import { BerthError } from "#pkg/system/errors.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";

export class MemoryKernelFiles implements KernelFiles {
  readonly #files = new Map<string, string>();
  readonly #folders = new Set<string>();

  async read(file: string): Promise<string> {
    const text = this.#files.get(file);
    if (text === undefined) throw new BerthError("NotFound", `no file ${file}`);
    return text;
  }

  async write(file: string, value: string): Promise<void> {
    this.#files.set(file, value);
  }

  async makeFolder(folder: string): Promise<void> {
    const parts = folder.split("/");
    for (let length = 2; length <= parts.length; length++) this.#folders.add(parts.slice(0, length).join("/"));
  }

  async removeFolder(folder: string): Promise<void> {
    if (!this.#folders.delete(trim(folder))) throw new BerthError("NotFound", `no folder ${folder}`);
  }

  async listFolders(folder: string): Promise<readonly string[]> {
    const prefix = `${trim(folder)}/`;
    const below = [...this.#folders].filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length));
    return below.filter((name) => !name.includes("/")).sort();
  }

  async exists(file: string): Promise<boolean> {
    return this.#files.has(file) || this.#folders.has(trim(file));
  }
}

function trim(folder: string): string {
  return folder.replace(/\/+$/, "");
}
