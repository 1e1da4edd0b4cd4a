/** Answers for people: YAML, or JSON with indentation. Made of the JSON form; nothing is kept. */
import { dump } from "js-yaml";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { StatusBody } from "#pkg/api/status.ts";
import type { ResponseBody, StreamBody } from "../../http/api-request.ts";
import { mediaTypes } from "../../http/negotiation.ts";
import type { StoredEntry } from "../../registry/stored-entry.ts";
import type { ListHead, ObjectForm } from "./object-form.ts";

export class TextForm implements ObjectForm {
  readonly contentType: string;
  readonly watchContentType = mediaTypes.json;
  readonly #inner: ObjectForm;
  readonly #style: "yaml" | "pretty";

  constructor(inner: ObjectForm, style: "yaml" | "pretty") {
    this.#inner = inner;
    this.#style = style;
    this.contentType = style === "yaml" ? mediaTypes.yaml : mediaTypes.json;
  }

  entry(entry: StoredEntry): ResponseBody {
    return this.#rewrite(this.#inner.entry(entry));
  }

  object(object: KubeObject): ResponseBody {
    return this.#rewrite(this.#inner.object(object));
  }

  list(entries: readonly StoredEntry[], head: ListHead): ResponseBody {
    return this.#rewrite(this.#inner.list(entries, head));
  }

  event(item: Parameters<ObjectForm["event"]>[0]): Uint8Array {
    return this.#inner.event(item);
  }

  error(status: StatusBody): Uint8Array {
    return this.#inner.error(status);
  }

  #rewrite(body: ResponseBody): string {
    return writeText(JSON.parse(textOf(body as Exclude<ResponseBody, StreamBody>)), this.#style);
  }
}

export function writeText(value: unknown, style: "yaml" | "pretty"): string {
  if (style === "yaml") return dump(value, { noRefs: true, lineWidth: -1, indent: 2 });
  return `${JSON.stringify(value, null, 2)}\n`;
}

function textOf(body: Exclude<ResponseBody, StreamBody>): string {
  if (typeof body === "string") return body;
  const chunks = body instanceof Uint8Array ? [body] : [...body.chunks()];
  return Buffer.concat(chunks).toString("utf8");
}
