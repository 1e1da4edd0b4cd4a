import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { objectKey } from "./object-key.ts";
import { compileSelection, covers, type SelectionRequest } from "./selection.ts";
import { StoredEntry } from "./stored-entry.ts";

const everything: SelectionRequest = { namespace: "", labelSelector: "", fieldSelector: "" };

function selects(request: Partial<SelectionRequest>, object: KubeObject): boolean {
  const fields = (one: KubeObject): Record<string, string> => ({ type: String(one["type"] ?? "") });
  const selection = compileSelection({ ...everything, ...request }, true, fields);
  const { namespace = "", name = "" } = object.metadata;
  return covers(selection, objectKey(namespace, name)) && selection.matches(new StoredEntry(object, 1));
}

describe("compileSelection", () => {
  const object: KubeObject = { metadata: { namespace: "ns", name: "a", labels: { app: "web" } }, type: "Opaque" };

  test.each<[Partial<SelectionRequest>, boolean]>([
    [{}, true],
    [{ namespace: "ns" }, true],
    [{ namespace: "n" }, false],
    [{ namespace: "ns0" }, false],
    [{ labelSelector: "app=web" }, true],
    [{ labelSelector: "app!=web" }, false],
    [{ fieldSelector: "metadata.name=a" }, true],
    [{ fieldSelector: "metadata.name=b" }, false],
    [{ fieldSelector: "metadata.name!=a" }, false],
    [{ fieldSelector: "metadata.namespace=ns" }, true],
    [{ fieldSelector: "metadata.namespace=other" }, false],
    [{ namespace: "ns", fieldSelector: "metadata.name=a,metadata.namespace=ns" }, true],
    [{ namespace: "ns", fieldSelector: "metadata.name=a,metadata.namespace=other" }, false],
    [{ fieldSelector: "type=Opaque" }, true],
    [{ fieldSelector: "type!=Opaque" }, false],
  ])("%j matches: %j", (request, expected) => {
    expect(selects(request, object)).toBe(expected);
  });

  test("an exact name narrows the range of keys to one", () => {
    const selection = compileSelection(
      { ...everything, namespace: "ns", fieldSelector: "metadata.name=a" },
      true,
      undefined,
    );
    expect([covers(selection, "ns/a"), covers(selection, "ns/ab"), covers(selection, "ns/a-b")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("without selectors nothing is filtered", () => {
    expect(compileSelection({ ...everything, namespace: "ns" }, true, undefined).filters).toBe(false);
    expect(compileSelection({ ...everything, labelSelector: "a" }, true, undefined).filters).toBe(true);
  });

  test.each([
    ["spec.x=1", undefined, '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'],
    ["spec.x=1", () => ({ type: "" }), "field label not supported: spec.x"],
    ["type", () => ({ type: "" }), "invalid selector: 'type'; can't understand 'type'"],
  ])("refuses %s with 400", (fieldSelector, fields, message) => {
    expect(() => compileSelection({ ...everything, fieldSelector }, true, fields)).toThrow(
      expect.objectContaining({ code: 400, message }),
    );
  });

  test("refuses a malformed label selector with 400", () => {
    expect(() => compileSelection({ ...everything, labelSelector: "a in b" }, true, undefined)).toThrow(
      expect.objectContaining({ code: 400, message: expect.stringContaining("unable to parse requirement") }),
    );
  });

  test("names that are not ASCII stay within their namespace and sort as UTF-8", () => {
    const keys = [objectKey("n", "é"), objectKey("n", "z"), objectKey("n", "\u{1f600}"), objectKey("n", "\uffee")];
    expect(keys.toSorted()).toEqual([keys[1], keys[0], keys[3], keys[2]]);
    const selection = compileSelection({ ...everything, namespace: "n" }, true, undefined);
    expect(keys.every((key) => covers(selection, key))).toBe(true);
  });
});
