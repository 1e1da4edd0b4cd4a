/**
 * fsGroup on a volume that the pod writes to: everything in it belongs to the group, and what is made in it later, too.
 * Source: kubelet volume/volume_linux.go SetVolumeOwnership (v1.36).
 */
import path from "node:path";
import type { TreeFiles } from "#pkg/system/tree-files.ts";

const groupMayWrite = 0o660;
/** Into folders the group may go, and what is made there belongs to it. */
const groupOwnsFolder = 0o2110;

export async function applyGroup(
  folder: string,
  group: number,
  policy: string,
  tree: Pick<TreeFiles, "look" | "list" | "setOwner" | "setMode">,
): Promise<void> {
  if (policy === "OnRootMismatch" && (await fits(folder, group, tree))) return;
  await applyTo(folder, group, tree);
}

async function fits(folder: string, group: number, tree: Pick<TreeFiles, "look">): Promise<boolean> {
  const facts = await tree.look(folder);
  const needed = groupMayWrite | groupOwnsFolder;
  return facts?.gid === group && (facts.mode & needed) === needed;
}

async function applyTo(
  file: string,
  group: number,
  tree: Pick<TreeFiles, "look" | "list" | "setOwner" | "setMode">,
): Promise<void> {
  const facts = await tree.look(file);
  if (!facts) return;
  if (facts.kind === "folder") {
    // The folder itself comes last: it says whether all of it was done.
    for (const name of await tree.list(file)) await applyTo(path.join(file, name), group, tree);
  }
  await tree.setOwner(file, { gid: group });
  if (facts.kind === "link") return;
  await tree.setMode(file, facts.mode | groupMayWrite | (facts.kind === "folder" ? groupOwnsFolder : 0));
}
