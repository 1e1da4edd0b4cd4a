/**
 * A file system in memory with the rules of the real one: folders must be there, names are either a file or a folder, errors
 * carry the same codes. It can be told to fail, as full or broken disks do.
 */
import path from "node:path";
import { BerthError, type ErrorCode } from "../errors.ts";
import type { Files, WriteOptions } from "../files.ts";

export type FilesOperation = keyof Files;

interface Fault {
  readonly operation: FilesOperation;
  readonly code: ErrorCode;
}

interface MemoryFile {
  readonly bytes: Uint8Array;
  readonly mode: number;
}

export class MemoryFiles implements Files {
  readonly #files = new Map<string, MemoryFile>();
  readonly #folders = new Set<string>(["/"]);
  #faults: Fault[] = [];

  /** `content`: files by absolute path; their folders are made. */
  constructor(content: Readonly<Record<string, string | Uint8Array>> = {}) {
    for (const [file, bytes] of Object.entries(content)) this.#put(path.resolve(file), bytes, 0o644);
  }

  /** The next call of this operation fails with this code and changes nothing. */
  failNext(operation: FilesOperation, code: ErrorCode): void {
    this.#faults.push({ operation, code });
  }

  /** Permission bits of a file; undefined when it is not there. */
  modeOf(file: string): number | undefined {
    return this.#files.get(path.resolve(file))?.mode;
  }

  /** Every file with its content as text. */
  snapshot(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#files].map(([file, { bytes }]) => [file, Buffer.from(bytes).toString("utf8")]));
  }

  async readText(file: string): Promise<string> {
    return Buffer.from(this.#read("readText", file)).toString("utf8");
  }

  async readBytes(file: string): Promise<Uint8Array> {
    return Uint8Array.from(this.#read("readBytes", file));
  }

  async writeAtomic(file: string, content: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
    const target = path.resolve(file);
    this.#failIfTold("writeAtomic", file);
    if (this.#folders.has(target)) throw failure("Invalid", "write", file, "is a folder");
    this.#put(target, content, options.mode ?? 0o644);
  }

  async list(folder: string): Promise<readonly string[]> {
    const target = path.resolve(folder);
    this.#failIfTold("list", folder);
    if (this.#files.has(target)) throw failure("Invalid", "list", folder, "is a file");
    if (!this.#folders.has(target)) throw failure("NotFound", "list", folder, "no such folder");
    const all = [...this.#files.keys(), ...this.#folders];
    return all
      .filter((one) => one !== target && path.dirname(one) === target)
      .map((one) => path.basename(one))
      .sort();
  }

  async exists(file: string): Promise<boolean> {
    const target = path.resolve(file);
    return this.#files.has(target) || this.#folders.has(target);
  }

  async remove(file: string): Promise<void> {
    const target = path.resolve(file);
    this.#failIfTold("remove", file);
    const isInside = (one: string): boolean => one === target || one.startsWith(`${target}/`);
    for (const one of [...this.#files.keys()]) if (isInside(one)) this.#files.delete(one);
    for (const one of [...this.#folders]) if (isInside(one)) this.#folders.delete(one);
  }

  async makeFolder(folder: string): Promise<void> {
    this.#failIfTold("makeFolder", folder);
    this.#makeFolder(path.resolve(folder));
  }

  async move(from: string, to: string): Promise<void> {
    const [source, target] = [path.resolve(from), path.resolve(to)];
    this.#failIfTold("move", from);
    const file = this.#files.get(source);
    if (!file) throw failure("NotFound", "move", from, "no such file");
    if (!this.#folders.has(path.dirname(target))) throw failure("NotFound", "move", from, "no folder to move it to");
    if (this.#folders.has(target)) throw failure("Invalid", "move", from, "a folder has the new name");
    this.#files.delete(source);
    this.#files.set(target, file);
  }

  #read(operation: FilesOperation, file: string): Uint8Array {
    const target = path.resolve(file);
    this.#failIfTold(operation, file);
    if (this.#folders.has(target)) throw failure("Invalid", "read", file, "is a folder");
    const found = this.#files.get(target);
    if (!found) throw failure("NotFound", "read", file, "no such file");
    return found.bytes;
  }

  #put(file: string, content: string | Uint8Array, mode: number): void {
    this.#makeFolder(path.dirname(file));
    const bytes = typeof content === "string" ? Buffer.from(content) : Uint8Array.from(content);
    this.#files.set(file, { bytes, mode });
  }

  #makeFolder(folder: string): void {
    for (let one = folder; !this.#folders.has(one); one = path.dirname(one)) {
      if (this.#files.has(one))
        throw failure(one === folder ? "AlreadyExists" : "Invalid", "create folder", folder, "is a file");
    }
    for (let one = folder; !this.#folders.has(one); one = path.dirname(one)) this.#folders.add(one);
  }

  #failIfTold(operation: FilesOperation, file: string): void {
    const at = this.#faults.findIndex((fault) => fault.operation === operation);
    const [fault] = at < 0 ? [] : this.#faults.splice(at, 1);
    if (fault) throw failure(fault.code, operation, file, "told to fail");
  }
}

function failure(code: ErrorCode, verb: string, file: string, why: string): BerthError {
  return new BerthError(code, `cannot ${verb} ${file}: ${why}`, { details: { file } });
}
