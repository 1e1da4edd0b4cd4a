import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  escapeFieldValue,
  FieldMatcher,
  type FieldRequirement,
  FieldSelectorError,
  fieldMapMatcher,
  parseFieldSelector,
  unescapeFieldValue,
} from "./fields.ts";

const from = (fields: Record<string, string>) => (field: string) => fields[field];

describe("parseFieldSelector", () => {
  const selectors: readonly [text: string, requirements: readonly FieldRequirement[]][] = [
    ["", []],
    [",,", []],
    ["a=b", [{ field: "a", operator: "=", value: "b" }]],
    ["a==b", [{ field: "a", operator: "=", value: "b" }]],
    [
      "z=1,a!=2",
      [
        { field: "a", operator: "!=", value: "2" },
        { field: "z", operator: "=", value: "1" },
      ],
    ],
    ["spec.nodeName=", [{ field: "spec.nodeName", operator: "=", value: "" }]],
    ["a=b\\,c\\=d\\\\e", [{ field: "a", operator: "=", value: "b,c=d\\e" }]],
    ["a= b", [{ field: "a", operator: "=", value: " b" }]],
    ["=b", [{ field: "", operator: "=", value: "b" }]],
  ];

  test.each(selectors)("reads %j", (text, wanted) => {
    expect(parseFieldSelector(text).requirements).toEqual(wanted);
  });

  test.each([
    ["a", "invalid selector: 'a'; can't understand 'a'"],
    ["a=1,b", "invalid selector: 'a=1,b'; can't understand 'b'"],
    ["x=a||y=b", "invalid field selector: unescaped character in value: 61"],
    ["x==a==b", "invalid field selector: unescaped character in value: 61"],
    ["a=b\\c", "invalid field selector: invalid escape sequence: \\c"],
    ["a=b\\", "invalid field selector: invalid escape sequence: \\"],
  ])("refuses %j with upstream's words", (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(new FieldSelectorError(message));
  });
});

describe("FieldMatcher", () => {
  test("wants every requirement, and a missing field counts as empty", () => {
    const matcher = parseFieldSelector("a=1,b!=2");
    expect(matcher.matches(from({ a: "1" }))).toBe(true);
    expect(matcher.matches(from({ a: "1", b: "2" }))).toBe(false);
    expect(matcher.matches(from({ b: "3" }))).toBe(false);
    expect(parseFieldSelector("a=").matches(from({}))).toBe(true);
    expect(FieldMatcher.everything.matches(from({}))).toBe(true);
  });

  test("tells the one value a field must have", () => {
    const matcher = parseFieldSelector("a!=0,a=1,b!=2");
    expect([matcher.exactValue("a"), matcher.exactValue("b"), matcher.exactValue("c")]).toEqual([
      "1",
      undefined,
      undefined,
    ]);
  });

  test("transform() renames and drops", () => {
    const matcher = parseFieldSelector("spec.host=n1,drop=x").transform((one) =>
      one.field === "drop" ? undefined : { ...one, field: "spec.nodeName" },
    );
    expect(matcher.toString()).toBe("spec.nodeName=n1");
    expect(matcher.isEverything).toBe(false);
  });
});

describe("field selector properties", () => {
  const value = fc.string({ unit: fc.constantFrom("a", "\\", ",", "=", "!", " ", "é", "🙂") });

  test("escaping is undone by unescaping", () => {
    fc.assert(fc.property(value, (text) => unescapeFieldValue(escapeFieldValue(text)) === text));
  });

  test("what is written reads back as the same selector", () => {
    const field = fc.constantFrom("metadata.name", "spec.nodeName", "type");
    fc.assert(
      fc.property(fc.dictionary(field, value), (fields) => {
        const matcher = fieldMapMatcher(fields);
        const back = parseFieldSelector(matcher.toString());
        expect(back.requirements.toSorted((a, b) => a.field.localeCompare(b.field))).toEqual(
          matcher.requirements.toSorted((a, b) => a.field.localeCompare(b.field)),
        );
        expect(back.matches(from(fields))).toBe(true);
      }),
    );
  });

  test("any text is read or refused with a FieldSelectorError", () => {
    fc.assert(
      fc.property(value, (input) => {
        try {
          parseFieldSelector(input);
        } catch (error) {
          expect(error).toBeInstanceOf(FieldSelectorError);
        }
      }),
    );
  });
});
