/** The normal form of a converted object: fields in order, and present or absent as a decoded one has them. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { decodeValue } from "#pkg/api/schema/decode.ts";

/** `typeName` is of the schema table. */
export function inForm(typeName: string, object: KubeObject): KubeObject {
  return decodeValue(typeName, object).object as KubeObject;
}
