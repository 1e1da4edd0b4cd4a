/** Every file the generator writes, as text in memory: what `generate.ts` writes and `verify.ts` compares. */
import type { Files } from "../../pkg/system/files.ts";
import { apiregistrationGroup, apiregistrationKey, apiregistrationTypes } from "./apiregistration.ts";
import { buildTable, type SchemaTable } from "./build-table.ts";
import { checkAgainstMergeKeys, checkAgainstProtos } from "./cross-check.ts";
import { grpcFiles } from "./grpc-descriptors.ts";
import { readGoPackages, readProtoMessages } from "./read-sources.ts";
import { tableText } from "./write-table.ts";
import { typescriptText } from "./write-typescript.ts";

export interface Generated {
  /** Text by path, relative to the top of the repository. */
  readonly files: ReadonlyMap<string, string>;
  /** What the cross-checks found; empty when all witnesses agree. */
  readonly problems: readonly string[];
}

/** `sourceRoot` is the folder that holds `k8s.io` and `go.etcd.io`; `mergeKeys` the text of the list of merge keys. */
export async function generateFiles(files: Files, sourceRoot: string, mergeKeys: string): Promise<Generated> {
  const table = withApiregistration(buildTable(await readGoPackages(files, sourceRoot)));
  const problems = [
    ...checkAgainstProtos(table, await readProtoMessages(files, sourceRoot)),
    ...checkAgainstMergeKeys(table, mergeKeys),
  ];
  return { files: new Map([...schemaFiles(table), ...(await grpcFiles(files, sourceRoot))]), problems };
}

export function schemaFiles(table: SchemaTable): ReadonlyMap<string, string> {
  const texts = new Map([["pkg/api/schema/kubernetes.json", tableText(table)]]);
  for (const key of table.groups.keys()) texts.set(`pkg/api/${key}.ts`, typescriptText(table, key));
  return texts;
}

function withApiregistration(table: SchemaTable): SchemaTable {
  const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1);
  return {
    ...table,
    groups: new Map([...table.groups, [apiregistrationKey, apiregistrationGroup] as const].sort(byName)),
    types: new Map([...table.types, ...apiregistrationTypes].sort(byName)),
  };
}
