import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FieldSet } from "./field-set.ts";
import { formatFieldSet, parseFieldSet } from "./fields-v1.ts";
import type { PathElement } from "./path-element.ts";
import {
  comparePathElements,
  compareText,
  fieldElement,
  formatPath,
  indexElement,
  keyElement,
  parsePathElement,
  valueElement,
} from "./path-element.ts";

const element: fc.Arbitrary<PathElement> = fc.oneof(
  fc.constantFrom("a", "b", "spec", "0").map(fieldElement),
  fc.constantFrom("x", "y").map((name) => keyElement([["name", name]])),
  fc.constantFrom<unknown>("x", 1, true).map(valueElement),
  fc.nat(2).map(indexElement),
);
const path = fc.array(element, { minLength: 1, maxLength: 4 });
const paths = fc.array(path, { maxLength: 12 });

const textOf = (one: readonly PathElement[]) => JSON.stringify(one.map((step) => step.text));
const model = (set: FieldSet) => new Set([...set.paths()].map(textOf));
const startsWith = (whole: string, start: string) => whole.startsWith(start.slice(0, -1));

describe("PathElement", () => {
  test.each([
    ["f:spec", ".spec"],
    ["f:a.b/c", ".a.b/c"],
    ["f:", "."],
    ['k:{"name":"web"}', '[name="web"]'],
    ['k:{"containerPort":80,"protocol":"TCP"}', '[containerPort=80,protocol="TCP"]'],
    ['v:"a"', '[="a"]'],
    ["v:1", "[=1]"],
    ["v:true", "[=true]"],
    ["i:3", "[3]"],
  ])("%s reads as %s and writes itself again", (text, shown) => {
    const parsed = parsePathElement(text)!;
    expect(parsed.text).toBe(text);
    expect(formatPath([parsed])).toBe(shown);
  });

  test("keys are put in order of their names, and blanks do not count", () => {
    expect(parsePathElement('k:{ "protocol" : "TCP", "containerPort":80}')?.text).toBe(
      'k:{"containerPort":80,"protocol":"TCP"}',
    );
  });

  test.each(["", "f", "spec", "k:[]", "k:{", "k:1", "v:", "i:x", "i:"])("refuses %j", (text) => {
    expect(() => parsePathElement(text)).toThrow();
  });

  test("knows nothing of types from the future", () => {
    expect(parsePathElement("z:1")).toBeUndefined();
  });

  test("orders fields, keys, values, indexes; each by what it holds", () => {
    const ordered = [
      "f:a",
      "f:b",
      'k:{"name":"a"}',
      'k:{"port":9}',
      'k:{"port":80}',
      'k:{"port":80,"protocol":"TCP"}',
      "v:2",
      "v:10",
      'v:"a"',
      "v:true",
      "i:2",
      "i:10",
    ].map((text) => parsePathElement(text)!);
    fc.assert(
      fc.property(fc.shuffledSubarray(ordered, { minLength: ordered.length }), (shuffled) => {
        expect(shuffled.toSorted(comparePathElements)).toEqual(ordered);
      }),
    );
  });

  test("orders text as its bytes would be", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (left, right) => {
        expect(Math.sign(compareText(left, right))).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)));
      }),
    );
  });
});

describe("FieldSet", () => {
  test("operations are those of sets of paths", () => {
    fc.assert(
      fc.property(paths, paths, (leftPaths, rightPaths) => {
        const [left, right] = [FieldSet.of(...leftPaths), FieldSet.of(...rightPaths)];
        const [leftModel, rightModel] = [new Set(leftPaths.map(textOf)), new Set(rightPaths.map(textOf))];
        expect(model(left)).toEqual(leftModel);
        expect(left.size).toBe(leftModel.size);
        expect(left.isEmpty).toBe(leftModel.size === 0);
        expect(model(left.union(right))).toEqual(leftModel.union(rightModel));
        expect(model(left.intersection(right))).toEqual(leftModel.intersection(rightModel));
        expect(model(left.difference(right))).toEqual(leftModel.difference(rightModel));
        const below = (one: string) => [...rightModel].some((other) => startsWith(one, other));
        expect(model(left.recursiveDifference(right))).toEqual(new Set([...leftModel].filter((one) => !below(one))));
        for (const one of rightPaths) expect(left.has(one)).toBe(leftModel.has(textOf(one)));
        expect(left.equals(right)).toBe(leftModel.symmetricDifference(rightModel).size === 0);
        expect(model(left)).toEqual(leftModel);
      }),
    );
  });

  test("has nothing to say of the whole object", () => {
    expect(FieldSet.of([]).isEmpty).toBe(true);
    expect(FieldSet.of([fieldElement("a")]).has([])).toBe(false);
  });

  test("lists its paths in one order, whatever the order they came in", () => {
    fc.assert(
      fc.property(paths, (some) => {
        const [one, other] = [FieldSet.of(...some), FieldSet.of(...some.toReversed())];
        expect([...one.paths()].map(textOf)).toEqual([...other.paths()].map(textOf));
      }),
    );
  });
});

describe("FieldsV1", () => {
  test("writes members, parents and both as upstream does", () => {
    const [labels, app] = [fieldElement("labels"), fieldElement("app")];
    const set = FieldSet.of([labels], [labels, app], [fieldElement("data"), fieldElement("b")], [fieldElement("a")]);
    expect(JSON.stringify(formatFieldSet(set))).toBe('{"f:a":{},"f:data":{"f:b":{}},"f:labels":{".":{},"f:app":{}}}');
  });

  test("reads what it wrote", () => {
    fc.assert(
      fc.property(paths, (some) => {
        const set = FieldSet.of(...some);
        const copy = JSON.parse(JSON.stringify(formatFieldSet(set))) as object;
        expect(parseFieldSet(copy).equals(set)).toBe(true);
        expect(JSON.stringify(formatFieldSet(parseFieldSet(copy)))).toBe(JSON.stringify(formatFieldSet(set)));
      }),
    );
  });

  test("leaves out what it does not know, and refuses what is not FieldsV1", () => {
    expect(formatFieldSet(parseFieldSet({ "f:a": { "z:1": {} }, "z:2": { "f:b": {} } }))).toEqual({ "f:a": {} });
    expect(parseFieldSet(undefined).isEmpty).toBe(true);
    expect(() => parseFieldSet({ "f:a": 1 })).toThrow("f:a is not an object");
    expect(() => parseFieldSet([])).toThrow();
    expect(() => parseFieldSet({ a: {} })).toThrow("missing colon");
  });
});
