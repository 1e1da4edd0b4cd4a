/**
 * Upstream publishes, for every kind, one object with every field set, as JSON, YAML and protobuf made by its own encoders
 * (`k8s.io/api/testdata`). Holds our decoders and encoder against them; returns what disagrees, one sentence each.
 */
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parseApiVersion } from "../../pkg/api/meta/object.ts";
import { type ParsedBody, parseBody } from "../../pkg/api/schema/decode.ts";
import { decodeProtobuf, encodeProtobuf } from "../../pkg/api/schema/protobuf.ts";
import { typeOf } from "../../pkg/api/schema/schema.ts";
import type { Files } from "../../pkg/system/files.ts";

export interface RoundTrips {
  /** Kinds that were compared. */
  readonly compared: number;
  readonly problems: readonly string[];
}

export async function checkRoundTrips(files: Files, sourceRoot: string): Promise<RoundTrips> {
  const folder = path.join(sourceRoot, "k8s.io/api/testdata/HEAD");
  const names = (await files.list(folder)).filter((name) => name.endsWith(".json"));
  const problems: string[] = [];
  let compared = 0;
  for (const name of names) {
    const base = path.join(folder, name.slice(0, -".json".length));
    const json = parseBody(await files.readBytes(`${base}.json`));
    const typeName = typeOf({ ...parseApiVersion(json.apiVersion), kind: json.kind });
    if (!typeName) continue;
    compared++;
    const yaml = parseBody(await files.readBytes(`${base}.yaml`), "yaml");
    const wrong = disagreements(typeName, json, yaml, await files.readBytes(`${base}.pb`));
    problems.push(...wrong.map((what) => `${name}: ${what}`));
  }
  return { compared, problems };
}

function disagreements(typeName: string, json: ParsedBody, yaml: ParsedBody, protobuf: Uint8Array): string[] {
  const fromJson = json.decode(typeName, { findings: true });
  const fromYaml = yaml.decode(typeName, { findings: true });
  const fromProtobuf = decodeProtobuf(protobuf);
  return [
    ...fromJson.findings,
    ...fromYaml.findings,
    ...(isDeepStrictEqual(fromJson.object, json.value) ? [] : ["the decoded JSON differs from the file"]),
    ...(isDeepStrictEqual(fromYaml.object, fromJson.object) ? [] : ["YAML and JSON differ"]),
    ...(isDeepStrictEqual(fromProtobuf, fromJson.object) ? [] : ["protobuf and JSON differ"]),
    ...(Buffer.compare(encodeProtobuf(fromProtobuf), protobuf) === 0 ? [] : ["the protobuf written differs"]),
  ];
}
