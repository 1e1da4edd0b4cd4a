import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  cIdentifierProblems,
  conditionReasonProblems,
  configMapKeyProblems,
  decimalIntegerProblems,
  dns1035LabelProblems,
  dns1123LabelProblems,
  dns1123SubdomainProblems,
  dns1123SubdomainWithUnderscoreProblems,
  envVarNameProblems,
  httpHeaderNameProblems,
  labelValueProblems,
  nameIsDns1035Label,
  nameIsLabel,
  nameIsPathSegment,
  nameIsSubdomain,
  type Problems,
  pathSegmentProblems,
  percentProblems,
  portNameProblems,
  portNumberProblems,
  qualifiedNameProblems,
  relaxedEnvVarNameProblems,
  userIdProblems,
  wildcardDns1123SubdomainProblems,
} from "./names.ts";

type Rule = (value: string) => Problems;

const rules: Record<string, { rule: Rule; good: string[]; bad: string[] }> = {
  dns1123Label: {
    rule: dns1123LabelProblems,
    good: ["a", "0", "a-b", "a--b", "x".repeat(63)],
    bad: ["", "-", "a-", "-a", "A", "a.b", "a_b", "a b", "ä", "x".repeat(64), "a\n"],
  },
  dns1123Subdomain: {
    rule: dns1123SubdomainProblems,
    good: ["a", "a.b", "0.1.2", "a-b.c--d"],
    bad: ["", ".", "a.", ".a", "a..b", "a.-b", "A.b", "a_b", `${"x.".repeat(127)}x`],
  },
  underscoreSubdomain: {
    rule: dns1123SubdomainWithUnderscoreProblems,
    good: ["a", "_a.b", "a_b.c"],
    bad: ["", "_", "a._", "A"],
  },
  wildcard: { rule: wildcardDns1123SubdomainProblems, good: ["*.a", "*.a.b"], bad: ["*", "a", "*.", "*.*.a", "*a"] },
  dns1035Label: { rule: dns1035LabelProblems, good: ["a", "a0", "a-0"], bad: ["", "0a", "a.", "a-", "A"] },
  qualifiedName: {
    rule: qualifiedNameProblems,
    good: ["a", "A.b_c-d", "example.com/Name", "1/2"],
    bad: ["", "/a", "a/", "a/b/c", "Example.com/a", "a b", "-a", "a-", `${"x".repeat(64)}`],
  },
  labelValue: { rule: labelValueProblems, good: ["", "a", "A_b.c-1"], bad: ["-", "a b", "a/b", "x".repeat(64)] },
  cIdentifier: { rule: cIdentifierProblems, good: ["a", "_A1"], bad: ["", "1a", "a-b"] },
  portName: {
    rule: portNameProblems,
    good: ["a", "http", "a-1"],
    bad: ["", "1", "A", "a--b", "-a", "a-", "x".repeat(16)],
  },
  percent: { rule: percentProblems, good: ["0%", "100%"], bad: ["", "%", "5", "-1%", "1.5%"] },
  httpHeaderName: { rule: httpHeaderNameProblems, good: ["X-Header"], bad: ["", "a_b", "a b"] },
  envVarName: {
    rule: envVarNameProblems,
    good: ["a", "A.b-c_d", "_1"],
    bad: ["", "1a", "a b", ".", "..", "..a", "a="],
  },
  relaxedEnvVarName: {
    rule: relaxedEnvVarNameProblems,
    good: ["1a", "a b", "..", "a:b"],
    bad: ["", "a=b", "ä", "a\t"],
  },
  configMapKey: {
    rule: configMapKeyProblems,
    good: ["a", "A.b_c-d", ".a", "a..b"],
    bad: ["", ".", "..", "..a", "a/b", "x".repeat(254)],
  },
  pathSegment: {
    rule: (value) => pathSegmentProblems(value),
    good: ["a", "a:b", "..."],
    bad: [".", "..", "a/b", "a%b"],
  },
  decimalInteger: { rule: decimalIntegerProblems, good: ["0", "-1", "10"], bad: ["", "-0", "01", "+1", "1.0"] },
  conditionReason: { rule: conditionReasonProblems, good: ["A", "A_", "A,b:C"], bad: ["", "1", "A:", "a b"] },
};

describe.each(Object.entries(rules))("%s", (_, { rule, good, bad }) => {
  test.each(good)("accepts %j", (value) => expect(rule(value)).toEqual([]));
  test.each(bad)("refuses %j", (value) => expect(rule(value)).not.toEqual([]));
});

describe("problem texts", () => {
  test("are upstream's, double blanks and all", () => {
    expect(dns1123LabelProblems("Bad")).toEqual([
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ]);
    expect(dns1123LabelProblems("a.b")).toEqual(["must not contain dots"]);
    expect(dns1123SubdomainProblems("Bad")).toEqual([
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ]);
    expect(dns1035LabelProblems("0")).toEqual([
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    ]);
    expect(configMapKeyProblems("..")).toEqual(["must not be '..'"]);
    expect(portNameProblems("UP")).toEqual([
      "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
      "must contain at least one letter (a-z)",
    ]);
    expect(qualifiedNameProblems("/a")).toEqual(["prefix part must be non-empty"]);
    expect(dns1123LabelProblems("x".repeat(64))).toEqual(["must be no more than 63 characters"]);
    expect(labelValueProblems("x".repeat(64))).toEqual(["must be no more than 63 bytes"]);
    expect(portNumberProblems(0)).toEqual(["must be between 1 and 65535, inclusive"]);
    expect(userIdProblems(2 ** 31)).toEqual(["must be between 0 and 2147483647, inclusive"]);
  });
});

describe("name rules", () => {
  test.each([nameIsLabel, nameIsSubdomain, nameIsDns1035Label, nameIsPathSegment])(
    "let a prefix end in a dash",
    (rule) => {
      expect(rule("web-", true)).toEqual([]);
      expect(rule("web", false)).toEqual([]);
    },
  );

  test("do not let a name end in a dash", () => expect(nameIsSubdomain("web-", false)).toHaveLength(1));
});

describe("every rule", () => {
  test("judges any text, long ones too, without throwing or stalling", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: "binary" }), (value) => {
        for (const { rule } of Object.values(rules)) expect(Array.isArray(rule(value))).toBe(true);
      }),
    );
    for (const { rule } of Object.values(rules)) {
      for (const piece of ["a", "-", ".", "a-", "a."]) rule(piece.repeat(200_000) + "!");
    }
  });
});
