/**
 * Answers as tables, for kubectl: cells worked out by the server, one row per object. Cells hold ages and are never kept.
 * One form per request: a watch sends the columns with its first event only.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import type { ResponseBody } from "../../http/api-request.ts";
import { joinBody } from "../../http/chunked-body.ts";
import { mediaTypes } from "../../http/negotiation.ts";
import type { StoredEntry } from "../../registry/stored-entry.ts";
import type { TableColumn } from "../../table/table-kind.ts";
import type { ResourceEndpoint } from "../resource-endpoint.ts";
import { encodeJson, jsonEvent } from "./json-bytes.ts";
import { JsonForm, JsonMetadataForm } from "./json-form.ts";
import { bookmarkObject, type ListHead, listMeta, type ObjectForm } from "./object-form.ts";

/** How objects of an endpoint become rows. */
export interface TableConverter {
  readonly columns: readonly TableColumn[];
  cells(object: KubeObject): readonly unknown[];
}

export type IncludeObject = "None" | "Metadata" | "Object";

/** Rows; kubectl asks for this many at a time. Longer tables are written while they are sent. */
const shortTable = 500;
const tail = Buffer.from("]}\n");
const rowEnd = Buffer.from("}");

export class TableForm implements ObjectForm {
  readonly contentType = mediaTypes.json;
  readonly watchContentType = mediaTypes.json;
  readonly #table: TableConverter;
  readonly #apiVersion: string;
  /** Writes what is shown beside the cells; undefined: nothing. */
  readonly #objects: JsonForm | JsonMetadataForm | undefined;
  readonly #version: string;
  #hasSentColumns = false;

  constructor(endpoint: ResourceEndpoint, version: string, include: IncludeObject) {
    this.#table = endpoint.table;
    this.#version = version;
    this.#apiVersion = `meta.k8s.io/${version}`;
    if (include === "Metadata") this.#objects = new JsonMetadataForm(version);
    else if (include === "Object") this.#objects = new JsonForm(endpoint);
  }

  entry(entry: StoredEntry): ResponseBody {
    return this.#whole(entry, this.#table.columns);
  }

  object(object: KubeObject): ResponseBody {
    return encodeJson(object);
  }

  list(entries: readonly StoredEntry[], head: ListHead): ResponseBody {
    const pieces = (): Iterable<Uint8Array> => this.#pieces(listMeta(head), entries, this.#table.columns);
    return entries.length <= shortTable ? Buffer.concat([...pieces()]) : joinBody(pieces, undefined);
  }

  event(item: Parameters<ObjectForm["event"]>[0]): Uint8Array {
    const columns = this.#hasSentColumns ? null : this.#table.columns;
    this.#hasSentColumns = true;
    if (item.type === "BOOKMARK") {
      const kind = { apiVersion: `meta.k8s.io/${this.#version}`, kind: "PartialObjectMetadata" };
      const object = bookmarkObject(kind, item.revision, item.initialEventsEnd);
      const { resourceVersion } = object.metadata;
      const rows = [{ cells: [], object }];
      const table = { ...this.#head({ resourceVersion }, columns), rows };
      return jsonEvent(item.type, encodeJson(table));
    }
    const { entry, type } = item;
    return jsonEvent(type, this.#whole(entry, columns));
  }

  error(status: StatusBody): Uint8Array {
    return jsonEvent("ERROR", encodeJson(status));
  }

  #whole(entry: StoredEntry, columns: readonly TableColumn[] | null): Buffer {
    return Buffer.concat([...this.#pieces({ resourceVersion: String(entry.revision) }, [entry], columns)]);
  }

  *#pieces(
    metadata: Readonly<Record<string, unknown>>,
    entries: readonly StoredEntry[],
    columns: readonly TableColumn[] | null,
  ): Iterable<Uint8Array> {
    yield Buffer.from(`${JSON.stringify(this.#head(metadata, columns)).slice(0, -1)},"rows":[`);
    let separator = "";
    for (const entry of entries) {
      const cells = JSON.stringify(this.#table.cells(entry.object));
      if (this.#objects) {
        yield Buffer.from(`${separator}{"cells":${cells},"object":`);
        const object = this.#objects.entry(entry);
        yield object.subarray(0, object.length - 1);
        yield rowEnd;
      } else {
        yield Buffer.from(`${separator}{"cells":${cells},"object":null}`);
      }
      separator = ",";
    }
    yield tail;
  }

  #head(metadata: Readonly<Record<string, unknown>>, columns: readonly TableColumn[] | null): object {
    return { kind: "Table", apiVersion: this.#apiVersion, metadata, columnDefinitions: columns };
  }
}
