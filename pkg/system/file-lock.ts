/**
 * A lock that one process at a time can hold and that the kernel takes back when the process ends, however it ends.
 * Node has no binding for file locks, but SQLite takes one (fcntl, on a byte far behind the end of the file) for us: an
 * exclusive transaction on an empty database writes nothing and holds the lock until it is closed.
 */
import { readFile, stat } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { BerthError, messageOf } from "./errors.ts";

/** SQLITE_BUSY */
const busy = 5;

/**
 * Makes the file when it is missing and locks it until disposal. Throws "Unavailable" while anyone, in this process or
 * another, holds it; `details.pid` names the holder where the kernel tells.
 */
export async function lockFile(file: string): Promise<AsyncDisposable> {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file);
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    db?.close();
    if ((error as { errcode?: number }).errcode === busy) throw await heldError(file);
    throw new BerthError("Internal", `cannot lock ${file}: ${messageOf(error)}`, { cause: error, details: { file } });
  }
  const held = db;
  return {
    async [Symbol.asyncDispose]() {
      if (held.isOpen) held.close();
    },
  };
}

async function heldError(file: string): Promise<BerthError> {
  const pid = await findHolder(file);
  const who = pid === undefined ? "another process" : `process ${pid}`;
  return new BerthError("Unavailable", `${file} is locked by ${who}`, { details: { file, pid } });
}

/** The process that /proc/locks shows for the file's inode. */
async function findHolder(file: string): Promise<number | undefined> {
  try {
    const { ino } = await stat(file);
    const locks = await readFile("/proc/locks", "utf8");
    const line = locks.split("\n").find((each) => each.includes(`:${ino} `));
    const pid = Number(line?.trim().split(/\s+/)[4]);
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
