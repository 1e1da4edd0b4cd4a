/**
 * gRPC descriptors (protobufjs JSON) and the TypeScript types of their messages, from .proto files. Options and comments
 * are left out: names, numbers, types and the syntax level are what a codec needs.
 */
import path from "node:path";
import protobuf from "protobufjs";
import type { Files } from "../../pkg/system/files.ts";
import { grpcTypesText } from "./write-grpc-types.ts";

interface GrpcSource {
  /** Below the source root. */
  readonly protos: readonly string[];
  /** Where the descriptor goes, without its extension; the types go beside it. */
  readonly target: string;
  readonly title: string;
  /** How 64-bit numbers are handed out; the program that loads the descriptor must ask for the same. */
  readonly int64: "number" | "bigint";
}

const sources: readonly GrpcSource[] = [
  {
    protos: ["k8s.io/cri-api/pkg/apis/runtime/v1/api.proto"],
    target: "pkg/cri/generated/cri",
    title: "CRI runtime.v1",
    int64: "number",
  },
  {
    protos: [
      "go.etcd.io/etcd/api/mvccpb/kv.proto",
      "go.etcd.io/etcd/api/authpb/auth.proto",
      "go.etcd.io/etcd/api/etcdserverpb/rpc.proto",
    ],
    target: "controlplane/store/generated/etcd",
    title: "the etcd v3 API",
    int64: "bigint",
  },
];

/** Text by path of the descriptors and types of CRI and etcd. */
export async function grpcFiles(files: Files, sourceRoot: string): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const source of sources) {
    const protos = await Promise.all(source.protos.map((file) => files.readText(path.join(sourceRoot, file))));
    const root = parseProtos(protos);
    texts.set(`${source.target}.json`, descriptorText(root));
    texts.set(`${source.target}.ts`, grpcTypesText(root, source.title, source.int64));
  }
  return texts;
}

/** Parses .proto texts into one root; imports of option definitions are not followed, because options are dropped. */
export function parseProtos(protos: readonly string[]): protobuf.Root {
  const root = new protobuf.Root();
  for (const text of protos) protobuf.parse(text, root, { keepCase: false });
  return root;
}

export function descriptorText(root: protobuf.Root): string {
  return `${JSON.stringify(withoutOptions(root.toJSON()), undefined, 1)}\n`;
}

const dropped: ReadonlySet<string> = new Set(["options", "parsedOptions", "protoName", "comment", "reserved"]);

/** Drops option values, wherever they stand, but not fields and messages that happen to be called "options". */
function withoutOptions(node: unknown, holdsNames = false): unknown {
  if (Array.isArray(node)) return node.map((item) => withoutOptions(item));
  if (typeof node !== "object" || node === null) return node;
  const kept = Object.entries(node).filter(([key]) => holdsNames || !dropped.has(key));
  return Object.fromEntries(
    kept.map(([key, value]) => [
      key,
      withoutOptions(value, !holdsNames && ["nested", "fields", "methods", "values"].includes(key)),
    ]),
  );
}
