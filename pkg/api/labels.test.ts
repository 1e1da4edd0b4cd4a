import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  buildRequirement,
  formatLabelSelector,
  type LabelMap,
  LabelMatcher,
  type LabelOperator,
  type LabelRequirement,
  LabelSelectorError,
  labelMapMatcher,
  labelSelectorMatcher,
  parseLabelSelector,
} from "./labels.ts";

describe("parseLabelSelector", () => {
  const selectors: readonly [text: string, requirements: readonly [string, LabelOperator, ...string[]][]][] = [
    ["", []],
    ["  ", []],
    ["x", [["x", "exists"]]],
    ["!x", [["x", "!"]]],
    [
      "x=a,y!=b,z==c",
      [
        ["x", "=", "a"],
        ["y", "!=", "b"],
        ["z", "==", "c"],
      ],
    ],
    [
      "z=1,a=2",
      [
        ["a", "=", "2"],
        ["z", "=", "1"],
      ],
    ],
    ["x=", [["x", "=", ""]]],
    [
      "x= ,z= ",
      [
        ["x", "=", ""],
        ["z", "=", ""],
      ],
    ],
    [
      "x>1,z<5",
      [
        ["x", "gt", "1"],
        ["z", "lt", "5"],
      ],
    ],
    ["x in (def,abc,abc)", [["x", "in", "abc", "def"]]],
    [" x\tnotin\n( a , b ) ", [["x", "notin", "a", "b"]]],
    ["x in ()", [["x", "in", ""]]],
    [
      "x notin (abc,,def),bar,z in (),w",
      [
        ["bar", "exists"],
        ["w", "exists"],
        ["x", "notin", "", "abc", "def"],
        ["z", "in", ""],
      ],
    ],
    ["x in (a,)", [["x", "in", "", "a"]]],
    ["x in (,a)", [["x", "in", "", "a"]]],
    ["x in (in,notin)", [["x", "in", "in", "notin"]]],
    ["notin=in", [["notin", "=", "in"]]],
    ["in in (in)", [["in", "in", "in"]]],
    [
      "0.1.2.domain/99 notin (10.10.100.1, tick.tack.clock)",
      [["0.1.2.domain/99", "notin", "10.10.100.1", "tick.tack.clock"]],
    ],
  ];

  test.each(selectors)("reads %j", (text, wanted) => {
    const found = parseLabelSelector(text).requirements.map(({ key, operator, values }) => [key, operator, ...values]);
    expect(found).toEqual(wanted);
  });

  const faults: readonly [text: string, message: string][] = [
    ["x==a==b", "found '==', expected: ',' or 'end of string'"],
    ["!x=a", "found '=', expected: ',' or 'end of string'"],
    ["x,", "found '', expected: identifier after ','"],
    ["x,,y", "found ',', expected: identifier after ','"],
    [",x", "found ',', expected: !, identifier, or 'end of string'"],
    ["x y", "unable to parse requirement: found 'y', expected: in, notin, =, ==, !=, gt, lt"],
    ["!", "unable to parse requirement: found '', expected: identifier"],
    ["x=(", "unable to parse requirement: found '(', expected: identifier"],
    ["x in", "unable to parse requirement: found '' expected: '('"],
    ["x in a", "unable to parse requirement: found 'a' expected: '('"],
    ["x in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"],
    ["x in (a", "unable to parse requirement: found '', expected: ',' or ')'"],
    ["x in (a b)", "unable to parse requirement: found 'b', expected: ',' or ')'"],
    ["x in (a,=", "unable to parse requirement: found '=', expected: ',', or identifier"],
    [
      "x<a",
      "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
  ];

  test.each(faults)("refuses %j with upstream's words", (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(new LabelSelectorError(message));
  });

  test("names a bad key and a bad value as upstream does", () => {
    expect(() => parseLabelSelector("a_b/c=d")).toThrow(
      /^unable to parse requirement: <nil>: Invalid value: "a_b\/c": prefix part a lowercase RFC 1123 subdomain must consist of/,
    );
    expect(() => parseLabelSelector("a=-b")).toThrow(
      /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "-b": a valid label must be an empty string or consist of/,
    );
  });
});

describe("LabelMatcher.matches", () => {
  const cases: readonly [selector: string, labels: LabelMap, matches: boolean][] = [
    ["", { x: "y" }, true],
    ["x=y,z=w", { x: "y", z: "w" }, true],
    ["x=y,z=w", { x: "w", z: "w" }, false],
    ["x!=y", {}, true],
    ["x!=y", { x: "y" }, false],
    ["x", { x: "" }, true],
    ["x", { y: "z" }, false],
    ["!x", { x: "" }, false],
    ["x in (a,b)", { x: "b" }, true],
    ["x in (a,b)", {}, false],
    ["x notin (a,b)", {}, true],
    ["x notin (a,b)", { x: "a" }, false],
    ["x=", {}, false],
    ["x>1", { x: "2" }, true],
    ["x>1", { x: "1" }, false],
    ["x>1", { x: "many" }, false],
    ["x<1", { x: "-7" }, true],
    ["x<1", {}, false],
    ["constructor", {}, false],
  ];

  test.each(cases)("%j on %j: %s", (selector, labels, matches) => {
    expect(parseLabelSelector(selector).matches(labels)).toBe(matches);
  });

  test("compares whole 64-bit integers exactly", () => {
    expect(parseLabelSelector("x>9223372036854775806").matches({ x: "9223372036854775807" })).toBe(true);
    expect(parseLabelSelector("x>1").matches({ x: "9223372036854775808" })).toBe(false);
  });

  test("an object without labels has none", () => {
    expect(parseLabelSelector("!x").matches(undefined)).toBe(true);
    expect(parseLabelSelector("x").matches(undefined)).toBe(false);
  });
});

describe("labelSelectorMatcher", () => {
  test("an absent selector matches nothing, an empty one everything", () => {
    expect(labelSelectorMatcher(undefined).matches({})).toBe(false);
    expect(labelSelectorMatcher(undefined).isEverything).toBe(false);
    expect(labelSelectorMatcher({}).matches({ a: "b" })).toBe(true);
    expect(labelSelectorMatcher({ matchLabels: {}, matchExpressions: [] })).toMatchObject({ isEverything: true });
  });

  test("joins labels and expressions", () => {
    const selector = {
      matchLabels: { app: "web" },
      matchExpressions: [
        { key: "tier", operator: "In", values: ["front", "back"] },
        { key: "old", operator: "DoesNotExist" },
        { key: "zone", operator: "Exists", values: [] },
        { key: "track", operator: "NotIn", values: ["canary"] },
      ],
    };
    expect(formatLabelSelector(selector)).toBe("app=web,!old,tier in (back,front),track notin (canary),zone");
    const matcher = labelSelectorMatcher(selector);
    expect(matcher.matches({ app: "web", tier: "back", zone: "a" })).toBe(true);
    expect(matcher.matches({ app: "web", tier: "back", zone: "a", track: "canary" })).toBe(false);
  });

  test("refuses unknown operators and wrong numbers of values", () => {
    const withExpression = (operator: string, values: readonly string[]) => () =>
      labelSelectorMatcher({ matchExpressions: [{ key: "a", operator, values }] });
    expect(withExpression("Gt", ["1"])).toThrow('"Gt" is not a valid label selector operator');
    expect(withExpression("In", [])).toThrow(
      "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    );
    expect(withExpression("Exists", ["a"])).toThrow("values set must be empty for exists and does not exist");
  });
});

describe("LabelMatcher", () => {
  test("tells the one value a label must have", () => {
    const matcher = parseLabelSelector("a=1,b in (2),c in (3,4),d!=5");
    expect(["a", "b", "c", "d", "e"].map((key) => matcher.exactValue(key))).toEqual([
      "1",
      "2",
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("and() adds requirements", () => {
    const both = labelMapMatcher({ b: "2" }).and([buildRequirement("a", "exists", [])]);
    expect(both.toString()).toBe("a,b=2");
    expect(LabelMatcher.nothing.and(both.requirements).matches({ a: "1", b: "2" })).toBe(false);
  });
});

const key = fc.constantFrom("a", "b", "in", "notin", "example.com/c", "D_e.f-g");
const value = fc.constantFrom("", "0", "1", "2", "x", "in", "Y-z");
const requirement: fc.Arbitrary<LabelRequirement> = fc.oneof(
  fc.record({ key, operator: fc.constantFrom<LabelOperator>("=", "==", "!="), values: fc.tuple(value) }),
  fc.record({
    key,
    operator: fc.constantFrom<LabelOperator>("in", "notin"),
    values: fc.uniqueArray(value, { minLength: 1 }).map((values) => values.sort()),
  }),
  fc.record({ key, operator: fc.constantFrom<LabelOperator>("exists", "!"), values: fc.constant([]) }),
  fc.record({
    key,
    operator: fc.constantFrom<LabelOperator>("gt", "lt"),
    values: fc.tuple(fc.maxSafeNat().map(String)),
  }),
);

describe("label selector properties", () => {
  test("what is written reads back as the same selector", () => {
    fc.assert(
      fc.property(fc.array(requirement), (requirements) => {
        const matcher = new LabelMatcher(requirements);
        expect(parseLabelSelector(matcher.toString()).requirements).toEqual(matcher.requirements);
      }),
    );
  });

  test("an operator and its opposite never agree, and a label map always matches itself", () => {
    const opposite = new Map<LabelOperator, LabelOperator>([
      ["=", "!="],
      ["in", "notin"],
      ["exists", "!"],
    ]);
    fc.assert(
      fc.property(requirement, fc.dictionary(key, value), (one, labels) => {
        expect(labelMapMatcher(labels).matches(labels)).toBe(true);
        const operator = opposite.get(one.operator);
        fc.pre(operator !== undefined);
        const other = new LabelMatcher([{ ...one, operator: operator ?? "!" }]);
        expect(new LabelMatcher([one]).matches(labels)).toBe(!other.matches(labels));
      }),
    );
  });

  test("any text is read or refused with a LabelSelectorError", () => {
    const text = fc
      .array(fc.constantFrom("a", "in", "notin", "=", "!", "(", ")", ",", ">", "<", " ", "1", "/", "\0"))
      .map((all) => all.join(""));
    fc.assert(
      fc.property(text, (input) => {
        try {
          parseLabelSelector(input);
        } catch (error) {
          expect(error).toBeInstanceOf(LabelSelectorError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
