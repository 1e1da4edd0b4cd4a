/**
 * Files as containers see them: with kinds, owners, exact modes and symbolic links. Nothing here waits for the disk: what it
 * is used for is rebuilt after a crash.
 */
import { constants as c, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import path from "node:path";
import { BerthError, type ErrorCode, messageOf } from "./errors.ts";

export type FileKind = "file" | "folder" | "link" | "socket" | "characterDevice" | "blockDevice" | "fifo";

export interface FileFacts {
  readonly kind: FileKind;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The file system it is on. */
  readonly device: number;
}

export interface Owner {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface TreeReader {
  /** Of the name itself; undefined when it is not there. */
  look(file: string): Promise<FileFacts | undefined>;
  /** Of what the name leads to, through links. */
  lookThrough(file: string): Promise<FileFacts | undefined>;
  /** The text of a link; undefined when it is not there or no link. */
  readLink(file: string): Promise<string | undefined>;
  readBytes(file: string): Promise<Uint8Array>;
  /** Sorted; empty when the folder is not there. */
  list(folder: string): Promise<readonly string[]>;
}

export interface TreeWriter {
  /** Makes the folder and those above it; its mode is exact, whatever the umask says. Harmless when it is there. */
  makeFolder(folder: string, mode: number): Promise<void>;
  /** Replaces what is there. */
  writeFile(file: string, content: Uint8Array, mode: number): Promise<void>;
  link(target: string, file: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Changes what is given; links are changed themselves, not what they lead to. */
  setOwner(file: string, owner: Owner): Promise<void>;
  setMode(file: string, mode: number): Promise<void>;
  /** Removes a file, or a folder with all that is in it. Throws "Conflict" rather than go into another file system. */
  remove(file: string): Promise<void>;
}

export interface SafeEntry extends AsyncDisposable {
  /** A path that leads to the very file that was opened, whatever its name points to by now. */
  readonly path: string;
  readonly kind: FileKind;
}

export interface SafeOpener {
  /**
   * Opens `relative` below `base` step by step without following a link, and makes folders that are missing with `mode`.
   * Links that lie on the way are resolved before, and must stay below `base`. Throws "Invalid" when they leave it.
   */
  openBelow(base: string, relative: string, mode: number): Promise<SafeEntry>;
}

export interface TreeFiles extends TreeReader, TreeWriter, SafeOpener {}

export const systemTreeFiles: TreeFiles = {
  look: (file) => guarded("look at", file, async () => factsOf(await fs.lstat(file).catch(missing))),
  lookThrough: (file) => guarded("look at", file, async () => factsOf(await fs.stat(file).catch(missing))),
  readLink: (file) => fs.readlink(file).catch(() => undefined),
  readBytes: (file) => guarded("read", file, () => fs.readFile(file)),
  list: (folder) => guarded("list", folder, async () => ((await fs.readdir(folder).catch(missing)) ?? []).sort()),
  makeFolder: (folder, mode) =>
    guarded("create folder", folder, async () => {
      const made = await fs.mkdir(folder, { recursive: true });
      if (made !== undefined) await fs.chmod(folder, mode);
    }),
  writeFile: (file, content, mode) =>
    guarded("write", file, async () => {
      await fs.writeFile(file, content, { mode });
      await fs.chmod(file, mode);
    }),
  link: (target, file) => guarded("link", file, () => fs.symlink(target, file)),
  rename: (from, to) => guarded("rename", from, () => fs.rename(from, to)),
  setOwner: (file, { uid, gid }) =>
    guarded("change the owner of", file, async () => {
      const now = await fs.lstat(file);
      if ((uid ?? now.uid) !== now.uid || (gid ?? now.gid) !== now.gid) {
        await fs.lchown(file, uid ?? now.uid, gid ?? now.gid);
      }
    }),
  setMode: (file, mode) => guarded("change the mode of", file, () => fs.chmod(file, mode)),
  remove: (file) => guarded("remove", file, () => removeTree(file)),
  openBelow: (base, relative, mode) =>
    guarded("open", path.join(base, relative), () => openBelow(base, relative, mode)),
};

async function removeTree(file: string, device?: number): Promise<void> {
  const stats = await fs.lstat(file).catch(missing);
  if (!stats) return;
  if (device !== undefined && stats.dev !== device) {
    throw new BerthError("Conflict", `${file} is on another file system: it is still mounted, and is not removed`);
  }
  if (!stats.isDirectory()) return await fs.rm(file, { force: true });
  for (const name of await fs.readdir(file)) await removeTree(path.join(file, name), stats.dev);
  await fs.rmdir(file);
}

/** O_PATH of Linux, which Node does not name: a handle on the name, without the right to read. */
const openPath = 0o10000000;

async function openBelow(base: string, relative: string, mode: number): Promise<SafeEntry> {
  const root = await fs.realpath(base);
  const steps = await resolveSteps(root, relative);
  let handle = await fs.open(root, openPath | c.O_DIRECTORY | c.O_NOFOLLOW);
  try {
    for (const step of steps) {
      // A handle's name in /proc leads to the very folder: nobody can put a link in its place.
      const next = `/proc/self/fd/${handle.fd}/${step}`;
      const opened = await fs.open(next, openPath | c.O_NOFOLLOW).catch(missing);
      const child = opened ?? (await makeAndOpen(next, mode));
      await handle.close();
      handle = child;
    }
    const facts = factsOf(await handle.stat());
    if (!facts || facts.kind === "link")
      throw new BerthError("Invalid", `${relative} became a link while it was opened`);
    const owned = handle;
    return {
      path: `/proc/${process.pid}/fd/${owned.fd}`,
      kind: facts.kind,
      [Symbol.asyncDispose]: () => owned.close(),
    };
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
}

async function makeAndOpen(folder: string, mode: number): Promise<fs.FileHandle> {
  await fs.mkdir(folder, { mode }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const handle = await fs.open(folder, openPath | c.O_NOFOLLOW);
  if ((await handle.stat()).isDirectory()) await fs.chmod(`/proc/self/fd/${handle.fd}`, mode);
  return handle;
}

/** The names to walk, links resolved as far as the path exists. */
async function resolveSteps(root: string, relative: string): Promise<readonly string[]> {
  const names = relative.split("/").filter((name) => name !== "" && name !== ".");
  if (path.isAbsolute(relative) || names.includes("..")) {
    throw new BerthError("Invalid", `subPath "${relative}" must be relative and must not contain ".."`);
  }
  for (let known = names.length; known >= 0; known--) {
    const real = await fs.realpath(path.join(root, ...names.slice(0, known))).catch(missing);
    if (real === undefined) continue;
    const inside = path.relative(root, real);
    if (inside === ".." || inside.startsWith("../") || path.isAbsolute(inside)) {
      throw new BerthError("Invalid", `subPath "${relative}" leads out of its volume`);
    }
    return [...inside.split("/").filter((name) => name !== ""), ...names.slice(known)];
  }
  return names;
}

function factsOf(stats: Stats | undefined): FileFacts | undefined {
  if (!stats) return undefined;
  return { kind: kindOf(stats), mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, device: stats.dev };
}

function kindOf(stats: Stats): FileKind {
  if (stats.isDirectory()) return "folder";
  if (stats.isSymbolicLink()) return "link";
  if (stats.isSocket()) return "socket";
  if (stats.isCharacterDevice()) return "characterDevice";
  if (stats.isBlockDevice()) return "blockDevice";
  return stats.isFIFO() ? "fifo" : "file";
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "NotFound",
  EEXIST: "AlreadyExists",
  EACCES: "Forbidden",
  EPERM: "Forbidden",
  EROFS: "Forbidden",
  ENOSPC: "Exhausted",
  ENOTDIR: "Invalid",
  ELOOP: "Invalid",
  EBUSY: "Conflict",
};

async function guarded<T>(verb: string, file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof BerthError) throw error;
    const code = codes[(error as NodeJS.ErrnoException).code ?? ""] ?? "Internal";
    throw new BerthError(code, `cannot ${verb} ${file}: ${messageOf(error)}`, { cause: error, details: { file } });
  }
}
