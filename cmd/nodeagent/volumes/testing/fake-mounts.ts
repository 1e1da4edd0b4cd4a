/** Mounts without a kernel: what is mounted is remembered, and a target counts as busy for as long as it is told to. */
import { BerthError } from "#pkg/system/errors.ts";
import type { MountEntry, Mounts, TmpfsOptions } from "#pkg/system/mounts.ts";

export class FakeMounts implements Mounts {
  readonly entries: (MountEntry & { readonly source: string; readonly options?: TmpfsOptions })[] = [];
  readonly busy = new Set<string>();

  async below(folder: string): Promise<readonly MountEntry[]> {
    return this.entries
      .filter(({ target }) => target === folder || target.startsWith(`${folder}/`))
      .map(({ target, type }) => ({ target, type }))
      .reverse();
  }

  async mountTmpfs(target: string, options: TmpfsOptions = {}): Promise<void> {
    if (this.entries.some((entry) => entry.target === target && entry.type === "tmpfs")) return;
    this.entries.push({ target, type: "tmpfs", source: "tmpfs", options });
  }

  async bind(source: string, target: string): Promise<void> {
    this.entries.push({ target, type: "bind", source });
  }

  async unmount(target: string): Promise<void> {
    if (this.busy.has(target)) throw new BerthError("Conflict", `${target} is busy`);
    for (let at = this.entries.length - 1; at >= 0; at--) {
      if (this.entries[at]?.target === target) this.entries.splice(at, 1);
    }
  }
}
