/**
 * Files that are shared with programs we do not trust and that nobody misses after a crash: made without waiting for the
 * disk, and read only in part, because they may be of any size.
 */
import { chmod, type FileHandle, mkdir, open } from "node:fs/promises";
import path from "node:path";
import { BerthError, messageOf } from "./errors.ts";

export interface ScratchFiles {
  /** Makes the file, empty, with these permissions whatever the umask says, and the folders above it. */
  makeEmpty(file: string, mode: number): Promise<void>;
  /** At most the first `maxBytes` of the file, as UTF-8; undefined when it is not there. */
  readHead(file: string, maxBytes: number): Promise<string | undefined>;
  /** At most the last `maxBytes`. */
  readTail(file: string, maxBytes: number): Promise<string | undefined>;
}

export const systemScratchFiles: ScratchFiles = {
  makeEmpty: async (file, mode) => {
    try {
      await mkdir(path.dirname(file), { recursive: true });
      await (await open(file, "w", mode)).close();
      await chmod(file, mode);
    } catch (error) {
      throw new BerthError("Internal", `cannot make ${file}: ${messageOf(error)}`, { cause: error });
    }
  },
  readHead: (file, maxBytes) => withFile(file, (handle) => readAt(handle, 0, maxBytes)),
  readTail: (file, maxBytes) =>
    withFile(file, async (handle) => {
      const { size } = await handle.stat();
      return await readAt(handle, Math.max(size - maxBytes, 0), maxBytes);
    }),
};

async function readAt(handle: FileHandle, position: number, maxBytes: number): Promise<string> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxBytes), 0, maxBytes, position);
  return buffer.subarray(0, bytesRead).toString("utf8");
}

async function withFile(file: string, read: (handle: FileHandle) => Promise<string>): Promise<string | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, "r");
    return await read(handle);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new BerthError("Internal", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  } finally {
    await handle?.close();
  }
}
