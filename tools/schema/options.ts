/** What the schema tools need from the command line: where the sources are. */
import path from "node:path";
import { parseArgs } from "node:util";
import { systemRunner } from "../../pkg/system/exec.ts";
import { systemFiles } from "../../pkg/system/files.ts";
import { fetchSources } from "./fetch-sources.ts";

export const repositoryRoot = path.join(import.meta.dirname, "../..");

export interface Source {
  /** The folder that holds `k8s.io` and `go.etcd.io`. */
  readonly sourceRoot: string;
  /** The list of merge keys collected by hand. */
  readonly mergeKeys: string;
}

export async function readSource(argv: readonly string[]): Promise<Source> {
  const { values } = parseArgs({ args: [...argv], options: { source: { type: "string" } } });
  const cache = path.join(repositoryRoot, ".cache/schema");
  const sourceRoot = values.source ?? (await fetchSources(systemRunner, systemFiles, cache));
  const mergeKeys = await systemFiles.readText(path.join(import.meta.dirname, "testdata/patch-merge-keys.tsv"));
  return { sourceRoot, mergeKeys };
}
