/** Whole objects, or their metadata alone, as JSON. */
import { formatApiVersion, type KubeObject } from "#pkg/api/meta/object.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import type { ResponseBody } from "../../http/api-request.ts";
import { mediaTypes } from "../../http/negotiation.ts";
import type { StoredEntry } from "../../registry/stored-entry.ts";
import { gvkOfEndpoint, type ResourceEndpoint } from "../resource-endpoint.ts";
import {
  type ApiVersionKind,
  concatJsonList,
  encodeJson,
  encodeJsonObject,
  jsonEvent,
  jsonPrefix,
} from "./json-bytes.ts";
import { bookmarkObject, type ListHead, listMeta, type ObjectForm } from "./object-form.ts";

export class JsonForm implements ObjectForm {
  readonly contentType = mediaTypes.json;
  readonly watchContentType = mediaTypes.json;
  readonly #kind: ApiVersionKind;
  readonly #list: ApiVersionKind;
  readonly #prefix: Buffer;
  readonly #encode: (object: KubeObject) => Uint8Array;

  constructor(endpoint: ResourceEndpoint) {
    const { resource } = endpoint;
    const apiVersion = formatApiVersion(gvkOfEndpoint(endpoint));
    this.#kind = { apiVersion, kind: resource.kind };
    this.#list = { apiVersion, kind: resource.listKind };
    this.#prefix = jsonPrefix(this.#kind);
    this.#encode = (object) => encodeJsonObject(object, this.#kind);
  }

  entry(entry: StoredEntry): Uint8Array {
    return entry.encoding("json", this.#encode);
  }

  object(object: KubeObject): ResponseBody {
    return encodeJson(object);
  }

  list(entries: readonly StoredEntry[], head: ListHead): ResponseBody {
    const items = entries.map((one) => this.entry(one));
    return concatJsonList({ ...this.#list, metadata: listMeta(head) }, items, this.#prefix.length);
  }

  event(item: Parameters<ObjectForm["event"]>[0]): Uint8Array {
    if (item.type === "BOOKMARK") {
      return jsonEvent(item.type, encodeJson(bookmarkObject(this.#kind, item.revision, item.initialEventsEnd)));
    }
    const { entry, type } = item;
    return entry.encoding(`json ${type}`, () => jsonEvent(type, this.entry(entry)));
  }

  error(status: StatusBody): Uint8Array {
    return jsonEvent("ERROR", encodeJson(status));
  }
}

const metadataVersions: ReadonlySet<string> = new Set(["v1", "v1beta1"]);

/** `as=PartialObjectMetadata`: for clients that watch everything and need names, labels and owners only. */
export class JsonMetadataForm implements ObjectForm {
  readonly contentType = mediaTypes.json;
  readonly watchContentType = mediaTypes.json;
  readonly #kind: ApiVersionKind;
  readonly #key: string;

  constructor(version: string) {
    this.#kind = {
      apiVersion: `meta.k8s.io/${metadataVersions.has(version) ? version : "v1"}`,
      kind: "PartialObjectMetadata",
    };
    this.#key = `json-metadata ${version}`;
  }

  entry(entry: StoredEntry): Uint8Array {
    return entry.encoding(this.#key, (object) => encodeJson({ ...this.#kind, metadata: object.metadata }));
  }

  object(object: KubeObject): ResponseBody {
    return encodeJson({ ...this.#kind, metadata: object.metadata });
  }

  list(entries: readonly StoredEntry[], head: ListHead): ResponseBody {
    const list = { ...this.#kind, kind: "PartialObjectMetadataList", metadata: listMeta(head) };
    return concatJsonList(
      list,
      entries.map((one) => this.entry(one)),
      0,
    );
  }

  event(item: Parameters<ObjectForm["event"]>[0]): Uint8Array {
    if (item.type === "BOOKMARK") {
      return jsonEvent(item.type, encodeJson(bookmarkObject(this.#kind, item.revision, item.initialEventsEnd)));
    }
    const { entry, type } = item;
    return entry.encoding(`${this.#key} ${type}`, () => jsonEvent(type, this.entry(entry)));
  }

  error(status: StatusBody): Uint8Array {
    return jsonEvent("ERROR", encodeJson(status));
  }
}
