import { describe, expect, test } from "vitest";
import { findPatchProblems, parsePatchDocument } from "./patch-document.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("parsePatchDocument", () => {
  test.each(["", "{", "nope", "[".repeat(100_000), `${"[".repeat(501)}${"]".repeat(501)}`])("refuses %.20s", (text) => {
    expect(() => parsePatchDocument(bytes(text))).toThrow(expect.objectContaining({ code: 400 }));
  });

  test("brackets in strings do not count as nesting", () => {
    expect(parsePatchDocument(bytes(`{"a":"${"[".repeat(600)}\\"["}`))).toEqual({ a: `${"[".repeat(600)}"[` });
  });
});

describe("findPatchProblems", () => {
  test.each([
    ["merge", '{"a":1,"b":{"c":1}}', []],
    ["merge", '{"a":1,"a":2}', ['duplicate field "a"']],
    ["strategic", '{"a":{"b":1,"b":2}}', ['duplicate field "a.b"']],
    ["json", '[{"op":"add","path":"/a","value":{"x":1}}]', []],
    ["json", '[{"op":"add","op":"add","path":"/a","value":1}]', ['json patch duplicate field "[0].op"']],
    [
      "json",
      '[{"op":"remove","path":"/a"},{"op":"remove","path":"/a","vale":1}]',
      ['json patch unknown field "[1].vale"'],
    ],
    ["json", "1", []],
  ] as const)("of a %s patch %s", (type, text, problems) => {
    expect(findPatchProblems(bytes(text), type)).toEqual(problems);
  });
});
