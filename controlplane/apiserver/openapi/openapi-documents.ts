/**
 * All OpenAPI documents, made when first asked for and kept packed until what is served changes: about 100 KiB for
 * everything instead of several MiB.
 */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { formatApiVersion } from "#pkg/api/meta/object.ts";
import type { DiscoverySource } from "../discovery/discovery-handler.ts";
import { buildDocumentV2 } from "./document-v2.ts";
import { buildDocumentV3 } from "./document-v3.ts";
import { encodeGnosticV2 } from "./gnostic-v2.ts";

export class PackedDocument {
  /** gzip. */
  readonly packed: Buffer;
  /** Upper-case hex of the content's SHA-512: changes exactly with the content. */
  readonly hash: string;

  constructor(content: Uint8Array) {
    this.packed = gzipSync(content);
    this.hash = createHash("sha512").update(content).digest("hex").toUpperCase();
  }

  unpack(): Buffer {
    return gunzipSync(this.packed);
  }
}

export class OpenApiDocuments {
  readonly #source: DiscoverySource;
  readonly #serverVersion: string;
  readonly #kept = new Map<string, PackedDocument>();
  #generation = -1;

  /** `serverVersion` as in /version: "v1.36.2". */
  constructor(source: DiscoverySource, serverVersion: string) {
    this.#source = source;
    this.#serverVersion = serverVersion;
  }

  /** /openapi/v3: where the document of each group and version is, with its hash, so that clients keep it for good. */
  index(): PackedDocument {
    return this.#keep("v3 index", () => {
      const paths: Record<string, { serverRelativeURL: string }> = {};
      for (const path of this.#groupVersionPaths()) {
        const { hash } = this.groupVersion(path)!;
        paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
      }
      return json({ paths });
    });
  }

  /** `path` is "api/v1" or "apis/<group>/<version>"; undefined: not served. */
  groupVersion(path: string): PackedDocument | undefined {
    const resources = this.#groupVersions().get(path);
    return resources && this.#keep(path, () => json(buildDocumentV3(resources, this.#serverVersion)));
  }

  /** /openapi/v2 */
  swagger(form: "json" | "protobuf"): PackedDocument {
    return this.#keep(`v2 ${form}`, () => {
      const document = buildDocumentV2([...this.#groupVersions().values()].flat(), this.#serverVersion);
      return form === "json" ? json(document) : encodeGnosticV2(document);
    });
  }

  #groupVersionPaths(): readonly string[] {
    return [...this.#groupVersions().keys()].sort();
  }

  #groupVersions() {
    const versions = this.#source
      .groups()
      .flatMap(({ group, versions: served }) => served.map((one) => ({ ...one, group })));
    return new Map(
      versions.map((one) => [`${one.group === "" ? "api" : "apis"}/${formatApiVersion(one)}`, one.resources]),
    );
  }

  #keep(key: string, make: () => Uint8Array): PackedDocument {
    if (this.#generation !== this.#source.generation) {
      this.#kept.clear();
      this.#generation = this.#source.generation;
    }
    let document = this.#kept.get(key);
    if (!document) {
      document = new PackedDocument(make());
      this.#kept.set(key, document);
    }
    return document;
  }
}

function json(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}
