/** How much room a file system has. */
import { statfs } from "node:fs/promises";
import { BerthError, messageOf } from "./errors.ts";

export interface DiskSpace {
  /** Bytes that this process may still write. */
  readonly availableBytes: number;
  readonly totalBytes: number;
}

/** Of the file system that holds `path`. Throws "Internal" when it cannot be asked. */
export async function readDiskSpace(path: string): Promise<DiskSpace> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { availableBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    throw new BerthError("Internal", `cannot read the free space at ${path}: ${messageOf(error)}`, { cause: error });
  }
}
