/**
 * Reads the Go and protobuf sources below a source root (`.../usr/share/gocode/src`) into memory, so that everything after
 * it is a pure function of text.
 */
import path from "node:path";
import type { Files } from "../../pkg/system/files.ts";
import type { PackageSource } from "./build-table.ts";
import { goPackages } from "./packages.ts";
import { parseGoFile } from "./parse-go.ts";
import { type ProtoMessages, parseProtoMessages } from "./parse-proto.ts";

export async function readGoPackages(files: Files, root: string): Promise<readonly PackageSource[]> {
  const sources: PackageSource[] = [];
  for (const goPackage of goPackages) {
    const folder = path.join(root, goPackage.path);
    const names = (await files.list(folder)).filter(isDeclarationFile);
    const texts = await Promise.all(names.map((name) => files.readText(path.join(folder, name))));
    sources.push({ package: goPackage, files: texts.map(parseGoFile) });
  }
  return sources;
}

/** The messages of every package that has a generated.proto, by package key. */
export async function readProtoMessages(files: Files, root: string): Promise<ReadonlyMap<string, ProtoMessages>> {
  const messages = new Map<string, ProtoMessages>();
  for (const goPackage of goPackages) {
    const file = path.join(root, goPackage.path, "generated.proto");
    messages.set(goPackage.key, parseProtoMessages(await files.readText(file)));
  }
  return messages;
}

/** Generated code and tests declare nothing of the API. */
function isDeclarationFile(name: string): boolean {
  return name.endsWith(".go") && !/^(zz_generated|generated)|_(test|fuzz|generated)\.go$/.test(name);
}
