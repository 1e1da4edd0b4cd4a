import { describe, expect, test } from "vitest";
import { findBannedNames, findLongFiles, findLongFunctions } from "./tidy.ts";

describe("findBannedNames", () => {
  test("refuses names that say nothing, as file and as folder", () => {
    const bad = [
      "pkg/api/utils.ts",
      "pkg/helpers/x.ts",
      "cmd/common.ts",
      "pkg/kube/string-utils.ts",
      "pkg/kube/helper.test.ts",
    ];
    expect(findBannedNames(bad)).toEqual(bad);
  });

  test("allows names that only contain such a word", () => {
    expect(findBannedNames(["pkg/api/utilization.ts", "pkg/kube/shared-informers.ts"])).toEqual([]);
  });
});

describe("findLongFiles", () => {
  test("names files over the limit, the longest first", () => {
    const files = [
      { file: "a.ts", source: "x\n".repeat(401) },
      { file: "b.ts", source: "x\n".repeat(400) },
      { file: "c.ts", source: "x\n".repeat(500) },
    ];
    expect(findLongFiles(files)).toEqual([
      { where: "c.ts", lines: 500 },
      { where: "a.ts", lines: 401 },
    ]);
  });
});

describe("findLongFunctions", () => {
  const body = "  x();\n".repeat(70);

  test("finds functions and methods over the limit by their closing brace", () => {
    const source = `function big() {\n${body}}\n\nclass A {\n  method(a: string): void {\n${body}  }\n}\n`;
    expect(findLongFunctions([{ file: "a.ts", source }])).toEqual([
      { where: "a.ts:1", lines: 72 },
      { where: "a.ts:75", lines: 72 },
    ]);
  });

  test("leaves short functions, loops and tests alone", () => {
    const source = `function small() {\n  x();\n}\nif (a) {\n${body}}\n`;
    expect(findLongFunctions([{ file: "a.ts", source }])).toEqual([]);
    expect(findLongFunctions([{ file: "a.test.ts", source: `function big() {\n${body}}\n` }])).toEqual([]);
  });
});
