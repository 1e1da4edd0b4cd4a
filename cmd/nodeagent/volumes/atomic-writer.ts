/**
 * Replaces all files of a volume at once, as containers see it: the files are in a folder of their own, `..data` is a link to
 * it that is exchanged in one step, and the names users know are links through `..data`.
 * Source: kubelet volume/util/atomic_writer.go (v1.36); the names are those programs look for.
 */
import path from "node:path";
import { type Clock, formatTime } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Random } from "#pkg/system/random.ts";
import type { TreeReader, TreeWriter } from "#pkg/system/tree-files.ts";
import type { Payload } from "./payload.ts";

const dataLink = "..data";
const newDataLink = "..data_tmp";

export interface AtomicWriterPorts {
  readonly tree: Pick<TreeReader, "look" | "readLink" | "readBytes" | "list"> & TreeWriter;
  readonly clock: Clock;
  readonly random: Random;
}

/** Makes the volume's files those of the payload; returns whether anything was written. Throws "Invalid" for paths that leave it. */
export async function writePayload(
  folder: string,
  payload: Payload,
  folderGroup: number | undefined,
  ports: AtomicWriterPorts,
): Promise<boolean> {
  for (const name of payload.keys()) checkPath(name);
  const { tree } = ports;
  const current = await tree.readLink(path.join(folder, dataLink));
  if (current !== undefined && (await hasPayload(path.join(folder, current), payload, tree))) {
    await linkNames(folder, payload, tree);
    return false;
  }
  const fresh = stampedName(ports);
  const target = path.join(folder, fresh);
  try {
    await fillFolder(target, payload, folderGroup, tree);
    await tree.remove(path.join(folder, newDataLink));
    await tree.link(fresh, path.join(folder, newDataLink));
    await tree.rename(path.join(folder, newDataLink), path.join(folder, dataLink));
  } catch (error) {
    await tree.remove(target);
    throw error;
  }
  await linkNames(folder, payload, tree);
  await removeStale(folder, payload, fresh, tree);
  return true;
}

function checkPath(name: string): void {
  const parts = name.split("/");
  if (name === "" || path.isAbsolute(name) || parts.includes("..") || name.startsWith("..")) {
    throw new BerthError("Invalid", `invalid path: "${name}" must be relative and must not start with or contain ".."`);
  }
}

/** `..2026_11_21_08_25_33.1234567890` */
function stampedName({ clock, random }: AtomicWriterPorts): string {
  const time = formatTime(clock.now()).slice(0, 19).replace(/[-T:]/g, "_");
  return `..${time}.${Math.floor(random.float() * 1e10)}`;
}

async function fillFolder(
  folder: string,
  payload: Payload,
  group: number | undefined,
  tree: AtomicWriterPorts["tree"],
): Promise<void> {
  const made = new Set<string>();
  const ensure = async (wanted: string): Promise<void> => {
    if (made.has(wanted)) return;
    if (wanted !== folder) await ensure(path.dirname(wanted));
    made.add(wanted);
    await tree.makeFolder(wanted, 0o755);
    if (group === undefined) return;
    await tree.setOwner(wanted, { gid: group });
    await tree.setMode(wanted, 0o2755);
  };
  await ensure(folder);
  for (const [name, { content, mode, uid, gid }] of payload) {
    const file = path.join(folder, name);
    await ensure(path.dirname(file));
    await tree.writeFile(file, content, mode);
    if (uid === undefined && gid === undefined) continue;
    await tree.setOwner(file, { uid, gid });
    // Changing the owner takes special bits away.
    await tree.setMode(file, mode);
  }
}

async function hasPayload(folder: string, payload: Payload, tree: AtomicWriterPorts["tree"]): Promise<boolean> {
  const present = await filesBelow(folder, tree);
  if (present.length !== payload.size || !present.every((name) => payload.has(name))) return false;
  for (const [name, wanted] of payload) {
    const facts = await tree.look(path.join(folder, name));
    if (facts?.mode !== wanted.mode) return false;
    if (wanted.uid !== undefined && facts.uid !== wanted.uid) return false;
    if (wanted.gid !== undefined && facts.gid !== wanted.gid) return false;
    if (Buffer.compare(await tree.readBytes(path.join(folder, name)), wanted.content) !== 0) return false;
  }
  return true;
}

async function filesBelow(folder: string, tree: AtomicWriterPorts["tree"], prefix = ""): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await tree.list(folder)) {
    const facts = await tree.look(path.join(folder, name));
    if (facts?.kind === "folder") found.push(...(await filesBelow(path.join(folder, name), tree, `${prefix}${name}/`)));
    else found.push(prefix + name);
  }
  return found;
}

/** The first part of each path is what stands in the volume's own folder. */
function visibleNames(payload: Payload): ReadonlySet<string> {
  return new Set([...payload.keys()].map((name) => name.split("/")[0] ?? ""));
}

async function linkNames(folder: string, payload: Payload, tree: AtomicWriterPorts["tree"]): Promise<void> {
  for (const name of visibleNames(payload)) {
    const file = path.join(folder, name);
    if ((await tree.readLink(file)) === path.join(dataLink, name)) continue;
    await tree.remove(file);
    await tree.link(path.join(dataLink, name), file);
  }
}

/** Names of before that are no more, and folders that `..data` does not lead to. */
async function removeStale(
  folder: string,
  payload: Payload,
  fresh: string,
  tree: AtomicWriterPorts["tree"],
): Promise<void> {
  const visible = visibleNames(payload);
  for (const name of await tree.list(folder)) {
    if (name === dataLink || name === fresh || visible.has(name)) continue;
    const file = path.join(folder, name);
    const isOurs = name.startsWith("..") || (await tree.readLink(file))?.startsWith(`${dataLink}/`);
    if (isOurs) await tree.remove(file);
  }
}
