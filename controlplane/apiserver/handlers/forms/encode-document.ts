/** Discovery documents and Status errors in the forms few clients ask for. Synchronous: they are written in error paths. */
import { dump } from "js-yaml";
import { parseApiVersion } from "#pkg/api/meta/object.ts";
import { encodeProtobuf } from "#pkg/api/schema/protobuf.ts";
import type { ResponseForm } from "../../http/negotiation.ts";

export function encodeDocument(document: object, form: ResponseForm): Uint8Array | string {
  switch (form.format) {
    case "json":
      return `${JSON.stringify(document, null, form.pretty ? 2 : 0)}\n`;
    case "yaml":
      return dump(document, { noRefs: true, lineWidth: -1 });
    case "protobuf": {
      const { apiVersion = "v1", kind = "" } = document as { apiVersion?: string; kind?: string };
      return encodeProtobuf({ ...document }, { ...parseApiVersion(apiVersion), kind });
    }
  }
}
