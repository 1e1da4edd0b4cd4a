/**
 * Keeps zeros written ahead of where another writer appends to a file. A sync of bytes that overwrite others takes about
 * half as long as one of bytes that make the file longer, because the file system has nothing else to note down.
 * Synchronous, for threads that may wait. Failing to write ahead is no failure: it only costs speed.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";

export interface PreallocationLimits {
  /** Bytes written ahead at a time. */
  readonly stepBytes: number;
  /** The file is not made longer than this. */
  readonly mostBytes: number;
}

export class PreallocatedFile implements Disposable {
  readonly #fd: number;
  readonly #limits: PreallocationLimits;
  /** Where the other writer is at most. */
  #position: number;
  #end: number;

  private constructor(fd: number, limits: PreallocationLimits) {
    this.#fd = fd;
    this.#limits = limits;
    this.#end = fstatSync(fd).size;
    this.#position = this.#end;
  }

  /** Undefined when the file cannot be opened: it has to exist. */
  static open(file: string, limits: PreallocationLimits): PreallocatedFile | undefined {
    try {
      return new PreallocatedFile(openSync(file, constants.O_WRONLY), limits);
    } catch {
      return undefined;
    }
  }

  /**
   * Notes that the other writer wrote at most so many bytes. The file is not asked for its size: on Linux 6.13 and later
   * that makes the next write change its times, and with them the next sync slow.
   */
  advance(bytes: number): void {
    this.#position += bytes;
    const { stepBytes, mostBytes } = this.#limits;
    if (this.#position < this.#end || this.#end >= mostBytes) return;
    try {
      this.#end = Math.max(this.#end, fstatSync(this.#fd).size);
      const zeros = Buffer.alloc(stepBytes);
      writeSync(this.#fd, zeros, 0, zeros.length, this.#end);
      this.#end += stepBytes;
    } catch {
      // A full disk: whatever was written ahead stays, and the other writer's next write tells the trouble.
      this.#end = mostBytes;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
