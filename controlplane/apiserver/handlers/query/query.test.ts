import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StatusError } from "#pkg/api/status.ts";
import { deleteOptionsOfQuery, toDeleteRequest } from "./delete-options.ts";
import { parseListQuery, toListOptions, toWatchOptions } from "./list-query.ts";
import { parseWriteQuery } from "./write-query.ts";

const query = (text: string) => new URLSearchParams(text);

function refusal(action: () => unknown): { code: number; text: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof StatusError) return { code: error.code, text: error.message };
    throw error;
  }
  return { code: 0, text: "" };
}

describe("parseListQuery", () => {
  test("reads what a reflector sends", () => {
    const parsed = parseListQuery(
      query("limit=500&resourceVersion=0&labelSelector=a%3Db&fieldSelector=c%3Dd&continue=t&allowWatchBookmarks=true"),
    );
    expect(toListOptions(parsed, "ns")).toEqual({
      namespace: "ns",
      labelSelector: "a=b",
      fieldSelector: "c=d",
      resourceVersion: "0",
      resourceVersionMatch: "",
      limit: 500,
      continueToken: "t",
    });
    expect(toWatchOptions(parsed, "", 30)).toMatchObject({ allowBookmarks: true, timeoutSeconds: 30 });
  });

  test.each([
    ["limit=a", 400, 'strconv.ParseInt: parsing "a": invalid syntax'],
    ["timeoutSeconds=1.5", 400, 'strconv.ParseInt: parsing "1.5": invalid syntax'],
    ["limit=99999999999999999999", 400, "value out of range"],
  ])("refuses %s", (text, code, message) => {
    const answer = refusal(() => parseListQuery(query(text)));
    expect(answer.code).toBe(code);
    expect(answer.text).toContain(message);
  });

  test("does not take a list for a watch with initial events", () => {
    const parsed = parseListQuery(query("sendInitialEvents=true"));
    expect(refusal(() => toListOptions(parsed, ""))).toMatchObject({
      code: 422,
      text: expect.stringContaining("sendInitialEvents is forbidden for list"),
    });
    expect(toWatchOptions(parsed, "", 0).sendInitialEvents).toBe(true);
  });
});

describe("parseWriteQuery", () => {
  test("takes the manager from the client's name when none is given", () => {
    expect(parseWriteQuery(query(""), "kubectl/v1.36 (linux)", "CreateOptions")).toMatchObject({
      dryRun: false,
      fieldManager: "kubectl",
      fieldValidation: "Warn",
      options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1" },
    });
    const given = parseWriteQuery(query("dryRun=All&fieldManager=m&fieldValidation=Strict"), "x/1", "UpdateOptions");
    expect(given).toMatchObject({ dryRun: true, fieldManager: "m", fieldValidation: "Strict" });
    expect(given.options).toMatchObject({ dryRun: ["All"], fieldManager: "m" });
  });

  test.each([
    [
      "dryRun=Some",
      false,
      'PatchOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "Some": supported values: "All"',
    ],
    [
      "fieldValidation=x",
      false,
      'fieldValidation: Unsupported value: "x": supported values: "Ignore", "Warn", "Strict"',
    ],
    [`fieldManager=${"x".repeat(129)}`, false, "fieldManager: Too long: may not be more than 128 bytes"],
    ["fieldManager=a%07", false, "should only contain printable characters"],
    ["force=true", false, "force: Forbidden: may not be specified for non-apply patch"],
    ["force=true", true, "fieldManager: Required value: is required for apply patch"],
  ])("refuses %s (apply: %s)", (text, isApply, message) => {
    const answer = refusal(() => parseWriteQuery(query(text), "k", "PatchOptions", isApply));
    expect(answer.code).toBe(422);
    expect(answer.text).toContain(message);
  });
});

describe("toDeleteRequest", () => {
  test("reads options from the query as from a body", () => {
    const text = "gracePeriodSeconds=0&propagationPolicy=Foreground&dryRun=All";
    expect(toDeleteRequest(deleteOptionsOfQuery(query(text)))).toEqual({
      gracePeriodSeconds: 0,
      propagationPolicy: "Foreground",
      dryRun: true,
    });
    expect(toDeleteRequest(deleteOptionsOfQuery(query("orphanDependents=false")))).toEqual({
      orphanDependents: false,
      dryRun: false,
    });
  });

  test.each([
    [{ propagationPolicy: "Never" }, "propagationPolicy: Unsupported value"],
    [{ propagationPolicy: "Orphan", orphanDependents: true }, "cannot be both set"],
    [{ dryRun: ["x"] }, "dryRun: Unsupported value"],
  ])("refuses %j", (options, message) => {
    expect(refusal(() => toDeleteRequest(options)).text).toContain(message);
  });
});

describe("queries of any text", () => {
  test("are read or refused with 400 or 422", () => {
    const name = fc.constantFrom(
      "limit",
      "dryRun",
      "force",
      "fieldManager",
      "timeoutSeconds",
      "gracePeriodSeconds",
      "watch",
    );
    const pairs = fc.array(fc.tuple(name, fc.string({ maxLength: 12 })), { maxLength: 5 });
    fc.assert(
      fc.property(pairs, (list) => {
        const given = new URLSearchParams(list);
        const codes = [
          refusal(() => parseListQuery(given)).code,
          refusal(() => parseWriteQuery(given, undefined, "PatchOptions", true)).code,
          refusal(() => toDeleteRequest(deleteOptionsOfQuery(given))).code,
        ];
        for (const code of codes) expect([0, 400, 422]).toContain(code);
      }),
    );
  });
});
