import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AllowsTransform, mediaTypeOf, negotiateResponse, parseAccept, requestFormat } from "./negotiation.ts";

const tables: AllowsTransform = (format, as) =>
  as.group === "meta.k8s.io" && (as.kind === "PartialObjectMetadata" || (as.kind === "Table" && format !== "protobuf"));
const v1Table = { group: "meta.k8s.io", version: "v1", kind: "Table" };

describe("negotiateResponse", () => {
  test.each([
    [undefined, "json", undefined],
    ["", "json", undefined],
    ["*/*", "json", undefined],
    ["application/*", "json", undefined],
    ["application/json", "json", undefined],
    ["Application/JSON; charset=utf-8", "json", undefined],
    ["application/yaml", "yaml", undefined],
    ["application/vnd.kubernetes.protobuf", "protobuf", undefined],
    ["application/vnd.kubernetes.protobuf,application/json", "protobuf", undefined],
    ["application/vnd.kubernetes.protobuf, */*", "protobuf", undefined],
    ["application/vnd.kubernetes.protobuf;q=0.5,application/json", "json", undefined],
    ["*/*,application/yaml", "yaml", undefined],
    ["text/html, application/xml;q=0.9, */*;q=0.8", "json", undefined],
    ["application/cbor,application/json", "json", undefined],
    [
      "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
      "json",
      v1Table,
    ],
    [
      "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1;g=meta.k8s.io",
      "json",
      v1Table,
    ],
    ["application/json;as=Nothing;v=v1;g=meta.k8s.io,application/yaml", "yaml", undefined],
    [
      "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
      "protobuf",
      { group: "meta.k8s.io", version: "v1", kind: "PartialObjectMetadata" },
    ],
    ["application/json;stream=watch", "json", undefined],
  ])("%s gives %s", (accept, format, as) => {
    expect(negotiateResponse(accept, false, tables)).toEqual({ format, as, pretty: false });
  });

  test.each([
    "text/plain",
    "application/cbor",
    "application/json;q=0",
    "application/json;as=Table;v=v1;g=other",
    "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io",
    "application/json;stream=else",
  ])("%s is refused with the list of types", (accept) => {
    expect(() => negotiateResponse(accept, false, tables)).toThrow(
      "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    );
  });

  test("passes pretty printing on, from the query or the clause", () => {
    expect(negotiateResponse("application/json", true, tables).pretty).toBe(true);
    expect(negotiateResponse("application/json;pretty=1", false, tables).pretty).toBe(true);
  });

  test("answers or refuses with 406 for any header", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z*/;=,q.0-9 ]{0,60}$/)), (accept) => {
        try {
          expect(["json", "yaml", "protobuf"]).toContain(negotiateResponse(accept, false, tables).format);
        } catch (error) {
          expect(error).toMatchObject({ code: 406 });
        }
      }),
    );
  });
});

describe("parseAccept", () => {
  test("sorts by quality, then by exactness, and keeps the order of equals", () => {
    const order = parseAccept("*/*, a/*, a/b;q=0.9, c/d, e/f").map((clause) => `${clause.type}/${clause.subtype}`);
    expect(order).toEqual(["c/d", "e/f", "a/*", "*/*", "a/b"]);
  });

  test("reads a very long header only in part", () => {
    expect(parseAccept("a/b,".repeat(100_000)).length).toBeLessThan(2000);
  });
});

describe("requestFormat", () => {
  test.each([
    [undefined, "json"],
    ["", "json"],
    ["application/json; charset=UTF-8", "json"],
    ["application/yaml", "yaml"],
    ["application/vnd.kubernetes.protobuf", "protobuf"],
  ])("%s is %s", (contentType, format) => {
    expect(requestFormat(contentType)).toBe(format);
  });

  test.each(["application/cbor", "text/plain", "application/json-patch+json", "x"])("refuses %s with 415", (type) => {
    expect(() => requestFormat(type)).toThrow(
      /accepted media types include: application\/json, application\/yaml, application\/vnd.kubernetes.protobuf/,
    );
  });

  test("mediaTypeOf drops parameters and case", () => {
    expect(mediaTypeOf(" Application/Strategic-Merge-Patch+JSON ; a=b")).toBe("application/strategic-merge-patch+json");
  });
});
