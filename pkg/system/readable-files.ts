/** Files that others write while we read: logs that grow, are renamed and begin anew under the same name. */
import { watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { BerthError, messageOf } from "./errors.ts";

export interface ReadableFile extends AsyncDisposable {
  /** Stays the same when the file gets another name. */
  readonly id: string;
  size(): Promise<number>;
  /** At most `maxBytes` from `position` on; empty at the end. */
  read(position: number, maxBytes: number): Promise<Buffer>;
}

export interface ReadableFiles {
  /** undefined when it is not there. */
  open(file: string): Promise<ReadableFile | undefined>;
  /** The id of the file that has the name now. */
  identify(file: string): Promise<string | undefined>;
  /** Calls back when something in the folder changes, as far as the kernel tells. */
  watchFolder(folder: string, onChange: () => void): Disposable;
}

export const systemReadableFiles: ReadableFiles = {
  async open(file) {
    try {
      const handle = await open(file, "r");
      const { dev, ino } = await handle.stat();
      return readable(handle, `${dev}:${ino}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new BerthError("Internal", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
    }
  },
  async identify(file) {
    const facts = await stat(file).catch(() => undefined);
    return facts && `${facts.dev}:${facts.ino}`;
  },
  watchFolder(folder, onChange) {
    try {
      const watcher = watch(folder, { persistent: false }, onChange);
      watcher.on("error", () => watcher.close());
      return { [Symbol.dispose]: () => watcher.close() };
    } catch {
      // Too many watches on this machine: whoever waits also looks now and then.
      return { [Symbol.dispose]: () => undefined };
    }
  },
};

function readable(handle: FileHandle, id: string): ReadableFile {
  return {
    id,
    size: async () => (await handle.stat()).size,
    async read(position, maxBytes) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(maxBytes), 0, maxBytes, position);
      return buffer.subarray(0, bytesRead);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
