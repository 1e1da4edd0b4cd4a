/** Text and number forms that API fields use on the wire; each is checked where objects are decoded. */

/** A number with an optional unit suffix: "100m", "1.5Gi", "2e3". */
export type Quantity = string;

/** A whole number, or text such as a port name or "25%". */
export type IntOrString = number | string;

/** RFC 3339, UTC, whole seconds: "2026-01-02T03:04:05Z". */
export type Time = string;

/** RFC 3339, UTC, microseconds: "2026-01-02T03:04:05.000006Z". */
export type MicroTime = string;

/** Bytes as standard base64 with padding. */
export type Base64 = string;

/** A JSON object whose shape is not known here. */
export interface JsonObject {
  [key: string]: unknown;
}
