/** Whole objects, or their metadata alone, as protobuf. */
import { formatApiVersion, type GroupVersionKind, type KubeObject } from "#pkg/api/meta/object.ts";
import { encodeWatchFrame } from "#pkg/api/schema/protobuf.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import type { ResponseBody } from "../../http/api-request.ts";
import { mediaTypes } from "../../http/negotiation.ts";
import type { StoredEntry } from "../../registry/stored-entry.ts";
import { gvkOfEndpoint, type ResourceEndpoint } from "../resource-endpoint.ts";
import { bookmarkObject, type ListHead, type ObjectForm } from "./object-form.ts";
import {
  concatProtobufList,
  encodeProtobufMetadata,
  encodeProtobufObject,
  encodeProtobufStatus,
} from "./protobuf-bytes.ts";

const watchContentType = `${mediaTypes.protobuf};stream=watch`;

export class ProtobufForm implements ObjectForm {
  readonly contentType = mediaTypes.protobuf;
  readonly watchContentType = watchContentType;
  readonly #endpoint: ResourceEndpoint;
  readonly #gvk: GroupVersionKind;
  readonly #apiVersion: string;
  readonly #encode: (object: KubeObject) => Uint8Array;

  constructor(endpoint: ResourceEndpoint) {
    this.#endpoint = endpoint;
    this.#gvk = gvkOfEndpoint(endpoint);
    this.#apiVersion = formatApiVersion(this.#gvk);
    this.#encode = (object) => encodeProtobufObject(object, this.#gvk);
  }

  entry(entry: StoredEntry): Uint8Array {
    return entry.encoding("protobuf", this.#encode);
  }

  object(object: KubeObject): ResponseBody {
    return encodeProtobufObject(object, this.#gvk);
  }

  list(entries: readonly StoredEntry[], head: ListHead): ResponseBody {
    const kind = { apiVersion: this.#apiVersion, kind: this.#endpoint.resource.listKind };
    return concatProtobufList(
      kind,
      head,
      entries.map((one) => this.entry(one)),
    );
  }

  event(item: Parameters<ObjectForm["event"]>[0]): Uint8Array {
    if (item.type === "BOOKMARK")
      return encodeWatchFrame(item.type, this.#bookmark(item.revision, item.initialEventsEnd));
    const { entry, type } = item;
    return entry.encoding(`protobuf ${type}`, () => encodeWatchFrame(type, this.entry(entry)));
  }

  error(status: StatusBody): Uint8Array {
    return encodeWatchFrame("ERROR", encodeProtobufStatus(status));
  }

  #bookmark(revision: number, initialEventsEnd: boolean): Uint8Array {
    const kind = { apiVersion: this.#apiVersion, kind: this.#gvk.kind };
    // Only objects in normal form can be encoded: decoding makes it one.
    const { object } = this.#endpoint.decoder.value(bookmarkObject(kind, revision, initialEventsEnd), false);
    return encodeProtobufObject(object, this.#gvk);
  }
}

export class ProtobufMetadataForm implements ObjectForm {
  readonly contentType = mediaTypes.protobuf;
  readonly watchContentType = watchContentType;
  readonly #version: string;
  readonly #key: string;
  readonly #encode: (object: KubeObject) => Uint8Array;

  constructor(version: string) {
    this.#version = version;
    this.#key = `protobuf-metadata ${version}`;
    this.#encode = (object) => encodeProtobufMetadata(object, version);
  }

  entry(entry: StoredEntry): Uint8Array {
    return entry.encoding(this.#key, this.#encode);
  }

  object(object: KubeObject): ResponseBody {
    return this.#encode(object);
  }

  list(entries: readonly StoredEntry[], head: ListHead): ResponseBody {
    const kind = { apiVersion: `meta.k8s.io/${this.#version}`, kind: "PartialObjectMetadataList" };
    return concatProtobufList(
      kind,
      head,
      entries.map((one) => this.entry(one)),
    );
  }

  event(item: Parameters<ObjectForm["event"]>[0]): Uint8Array {
    if (item.type === "BOOKMARK") {
      const kind = { apiVersion: `meta.k8s.io/${this.#version}`, kind: "PartialObjectMetadata" };
      return encodeWatchFrame(item.type, this.#encode(bookmarkObject(kind, item.revision, item.initialEventsEnd)));
    }
    const { entry, type } = item;
    return entry.encoding(`${this.#key} ${type}`, () => encodeWatchFrame(type, this.entry(entry)));
  }

  error(status: StatusBody): Uint8Array {
    return encodeWatchFrame("ERROR", encodeProtobufStatus(status));
  }
}
