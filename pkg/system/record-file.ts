/**
 * A short text that is written over and over in place, cheaply: one write, and a sync only when asked for. A torn or
 * damaged record reads as none. Synchronous, for threads that may wait.
 */
import { closeSync, constants, fdatasyncSync, openSync, readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

/** One sector, so that a disk writes all of it or nothing. */
const recordBytes = 512;
const checksumDigits = 8;

export class RecordFile implements Disposable {
  readonly #fd: number;

  /** Opens the file, and makes it when it is missing. */
  constructor(file: string, mode = 0o600) {
    this.#fd = openSync(file, constants.O_RDWR | constants.O_CREAT, mode);
  }

  /** What was written last; undefined when nothing whole is there. */
  read(): string | undefined {
    const bytes = Buffer.alloc(recordBytes);
    if (readSync(this.#fd, bytes, 0, recordBytes, 0) < recordBytes) return undefined;
    const record = bytes.toString("utf8").trimEnd();
    const content = record.slice(checksumDigits + 1);
    return record.slice(0, checksumDigits) === checksum(content) ? content : undefined;
  }

  /** Replaces the record. `durable`: returns only when it is on disk. Content: one line of at most 500 ASCII characters. */
  write(content: string, durable: boolean): void {
    const record = `${checksum(content)} ${content}`.padEnd(recordBytes - 1, " ");
    writeSync(this.#fd, `${record}\n`, 0, "latin1");
    if (durable) fdatasyncSync(this.#fd);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function checksum(content: string): string {
  return crc32(content).toString(16).padStart(checksumDigits, "0");
}
