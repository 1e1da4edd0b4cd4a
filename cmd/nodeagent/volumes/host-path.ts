/**
 * hostPath volumes: the path must be what its type says, and is made where the type allows.
 * Source: kubelet volume/hostpath (v1.36).
 */
import type { HostPathVolumeSource } from "#pkg/api/core/v1.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { FileKind, TreeReader, TreeWriter } from "#pkg/system/tree-files.ts";

const wanted: Readonly<Record<string, { readonly kind: FileKind; readonly name: string }>> = {
  DirectoryOrCreate: { kind: "folder", name: "directory" },
  Directory: { kind: "folder", name: "directory" },
  FileOrCreate: { kind: "file", name: "file" },
  File: { kind: "file", name: "file" },
  Socket: { kind: "socket", name: "socket" },
  CharDevice: { kind: "characterDevice", name: "character device" },
  BlockDevice: { kind: "blockDevice", name: "block device" },
};

/** Throws "Invalid" when what is there is of another kind. */
export async function ensureHostPath(
  { path, type = "" }: HostPathVolumeSource,
  tree: Pick<TreeReader, "lookThrough"> & Pick<TreeWriter, "makeFolder" | "writeFile">,
): Promise<void> {
  const found = await tree.lookThrough(path);
  // Without a type nothing is checked, but the runtime mounts only what exists.
  if (type === "") {
    if (!found) await tree.makeFolder(path, 0o755);
    return;
  }
  const want = wanted[type];
  if (!want) throw new BerthError("Invalid", `hostPath type "${type}" is not known`);
  if (found?.kind === want.kind) return;
  if (found || !type.endsWith("OrCreate")) {
    throw new BerthError("Invalid", `hostPath type check failed: ${path} is not a ${want.name}`);
  }
  if (want.kind === "folder") await tree.makeFolder(path, 0o755);
  else await createFile(path, tree);
}

async function createFile(file: string, tree: Pick<TreeWriter, "writeFile">): Promise<void> {
  await tree.writeFile(file, new Uint8Array(), 0o644);
}
