import { describe, expect, test } from "vitest";
import { findManagerNameProblem, managerFromUserAgent } from "./manager-name.ts";

describe("managerFromUserAgent", () => {
  test.each([
    ["kubectl/v1.36.0 (linux/amd64) kubernetes/abc", "kubectl"],
    ["Mozilla", "Mozilla"],
    ["", ""],
    ["/x", ""],
    ["a\u0001b\nc/1", "abc"],
    [`${"x".repeat(200)}/1`, "x".repeat(128)],
    [`${"é".repeat(100)}/1`, "é".repeat(64)],
  ])("%j is %j", (userAgent, manager) => {
    expect(managerFromUserAgent(userAgent)).toBe(manager);
  });
});

describe("findManagerNameProblem", () => {
  test.each([
    ["kubectl", undefined],
    ["my controller (v1)", undefined],
    ["x".repeat(128), undefined],
    ["x".repeat(129), "may not be more than 128 bytes"],
    ["a\tb", "should only contain printable characters"],
  ])("%j", (name, problem) => {
    expect(findManagerNameProblem(name)).toBe(problem);
  });
});
