/**
 * The file system as a port. Writes that must survive a crash go through `writeAtomic` (temporary name, fsync, rename,
 * fsync of the folder); files that describe themselves as damaged are set aside, never deleted.
 */
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import path from "node:path";
import { BerthError, type ErrorCode, messageOf } from "./errors.ts";

export interface WriteOptions {
  /** Permission bits of the file, whatever it had before. Default 0o644. */
  readonly mode?: number | undefined;
}

export interface Files {
  /** The whole file as UTF-8; throws "NotFound" when it is not there. */
  readText(file: string): Promise<string>;
  readBytes(file: string): Promise<Uint8Array>;
  /** Replaces the file as a whole or not at all, and returns only when it is on disk. Makes missing folders. */
  writeAtomic(file: string, content: string | Uint8Array, options?: WriteOptions): Promise<void>;
  /** Names in the folder, sorted; throws "NotFound" when it is not there. */
  list(folder: string): Promise<readonly string[]>;
  exists(file: string): Promise<boolean>;
  /** Removes a file or a whole folder; harmless when it is not there. */
  remove(file: string): Promise<void>;
  /** Makes the folder and those above it; harmless when it is there. The mode is for folders that are made. */
  makeFolder(folder: string, mode?: number): Promise<void>;
  /** Gives a file another name, in place of whatever has it, and returns only when that is on disk; "NotFound" when it is not there. */
  move(from: string, to: string): Promise<void>;
}

export const systemFiles: Files = {
  readText: (file) => guarded("read", file, () => fs.readFile(file, "utf8")),
  readBytes: (file) => guarded("read", file, async () => new Uint8Array(await fs.readFile(file))),
  writeAtomic: (file, content, options) =>
    guarded("write", file, () => writeAtomic(file, content, options?.mode ?? 0o644)),
  list: (folder) => guarded("list", folder, async () => (await fs.readdir(folder)).sort()),
  exists: async (file) => {
    try {
      await fs.access(file, constants.F_OK);
      return true;
    } catch {
      return false;
    }
  },
  remove: (file) => guarded("remove", file, () => fs.rm(file, { recursive: true, force: true })),
  makeFolder: (folder, mode) =>
    guarded("create folder", folder, async () => {
      await fs.mkdir(folder, { recursive: true, ...(mode === undefined ? {} : { mode }) });
    }),
  move: (from, to) =>
    guarded("move", from, async () => {
      await fs.rename(from, to);
      await syncFolder(path.dirname(to));
      if (path.dirname(from) !== path.dirname(to)) await syncFolder(path.dirname(from));
    }),
};

/**
 * Moves a damaged file out of the way to `<file>.damaged-<time>` and returns the new name, so that a program can start
 * anew and a person can still look at what was there.
 */
export async function setAside(file: string, nowMs: number, files: Files = systemFiles): Promise<string> {
  const target = `${file}.damaged-${new Date(nowMs).toISOString().replaceAll(":", "")}`;
  await files.move(file, target);
  return target;
}

/** `move` of the real file system. */
export const moveFile = (from: string, to: string): Promise<void> => systemFiles.move(from, to);

async function writeAtomic(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const folder = path.dirname(file);
  await fs.mkdir(folder, { recursive: true });
  const temporary = path.join(folder, `.${path.basename(file)}.${process.pid}-${temporaryCount++}.tmp`);
  try {
    await writeAndSync(temporary, content, mode);
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Two writers of one file in one process must not share a temporary name. */
let temporaryCount = 0;

async function writeAndSync(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const handle = await fs.open(file, "w", mode);
  try {
    await handle.writeFile(content);
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A rename is on disk only once the folder that holds the name is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "NotFound",
  EEXIST: "AlreadyExists",
  EACCES: "Forbidden",
  EPERM: "Forbidden",
  EROFS: "Forbidden",
  ENOSPC: "Exhausted",
  EDQUOT: "Exhausted",
  ENOTDIR: "Invalid",
  EISDIR: "Invalid",
};

async function guarded<T>(verb: string, file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = codes[(error as NodeJS.ErrnoException).code ?? ""] ?? "Internal";
    throw new BerthError(code, `cannot ${verb} ${file}: ${messageOf(error)}`, { cause: error, details: { file } });
  }
}
