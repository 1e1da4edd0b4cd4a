/**
 * Files that are an interface of the kernel (cgroups, /proc, /sys): written in place, small, and their errors name what
 * was written, because EINVAL alone says nothing.
 */
import * as fs from "node:fs/promises";
import { BerthError, type ErrorCode, messageOf } from "./errors.ts";

export interface KernelFiles {
  /** Throws "NotFound" when it is not there. */
  read(file: string): Promise<string>;
  /** One write call with the whole value. */
  write(file: string, value: string): Promise<void>;
  makeFolder(folder: string): Promise<void>;
  /** rmdir: throws "NotFound", or "Conflict" while the folder is in use. */
  removeFolder(folder: string): Promise<void>;
  /** Names of the folders inside, sorted; empty when it is not there. */
  listFolders(folder: string): Promise<readonly string[]>;
  exists(file: string): Promise<boolean>;
}

export const systemKernelFiles: KernelFiles = {
  read: (file) => guarded(`read ${file}`, () => fs.readFile(file, "utf8")),
  write: (file, value) =>
    guarded(`write ${JSON.stringify(value)} to ${file}`, async () => {
      const handle = await fs.open(file, "r+");
      try {
        await handle.write(value);
      } finally {
        await handle.close();
      }
    }),
  makeFolder: (folder) =>
    guarded(`create ${folder}`, async () => {
      await fs.mkdir(folder, { recursive: true });
    }),
  removeFolder: (folder) => guarded(`remove ${folder}`, () => fs.rmdir(folder)),
  listFolders: async (folder) => {
    const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
    return entries.flatMap((entry) => (entry.isDirectory() ? entry.name : [])).sort();
  },
  exists: async (file) => {
    try {
      await fs.access(file);
      return true;
    } catch {
      return false;
    }
  },
};

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "NotFound",
  ENODEV: "NotFound",
  EACCES: "Forbidden",
  EPERM: "Forbidden",
  EROFS: "Forbidden",
  EBUSY: "Conflict",
  ENOTEMPTY: "Conflict",
  EINVAL: "Invalid",
  ERANGE: "Invalid",
  EOPNOTSUPP: "Unsupported",
};

async function guarded<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = codes[(error as NodeJS.ErrnoException).code ?? ""] ?? "Internal";
    throw new BerthError(code, `cannot ${what}: ${messageOf(error)}`, { cause: error });
  }
}
