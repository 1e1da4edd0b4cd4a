import { describe, expect, test } from "vitest";
import { parseCommandLine } from "./options.ts";

const parse = (...argv: string[]) => parseCommandLine(argv, {}, "1.2.3");

describe("parseCommandLine", () => {
  test("reads up with all its flags", () => {
    const line = parse("up", "--name", "a", "--data-dir", "/d", "--port", "7443", "-o", "json", "--no-demo");
    expect(line).toEqual({
      kind: "up",
      wanted: { name: "a", dataDir: "/d", port: 7443, demo: false },
      output: "json",
    });
  });

  test("leaves unsaid what was not said, so that the cluster's own settings hold", () => {
    expect(parse("up")).toEqual({
      kind: "up",
      wanted: { name: "default", dataDir: undefined, port: undefined, demo: undefined },
      output: "text",
    });
  });

  test("takes name and folder from the environment too", () => {
    const line = parseCommandLine(["status"], { BERTH_NAME: "b", BERTH_DATA_DIR: "/e" }, "1");
    expect(line).toMatchObject({ kind: "status", wanted: { name: "b", dataDir: "/e" } });
  });

  test("keeps data on demand", () => {
    expect(parse("down", "--keep-data")).toMatchObject({ kind: "down", keepsData: true });
    expect(parse("down")).toMatchObject({ kind: "down", keepsData: false });
  });

  test("knows kubectl's verbs, with whatever flags they have", () => {
    expect(parse("get", "pods", "-A", "-o", "wide")).toMatchObject({
      kind: "missingVerb",
      argv: ["get", "pods", "-A", "-o", "wide"],
    });
  });

  test.each([[["--help"]], [["up", "--help"]], [[]]])("prints help for %j", (argv) => {
    const line = parse(...argv);
    expect(line).toMatchObject({ kind: "print" });
    expect((line as { text: string }).text).toMatch(/Usage: berth/);
  });

  test("prints its version", () => {
    expect(parse("--version")).toEqual({ kind: "print", text: "1.2.3\n" });
  });

  test("documents exit codes in its help", () => {
    expect((parse("--help") as { text: string }).text).toMatch(/130 {2}interrupted/);
  });

  test.each([
    [["frob"], /unknown command 'frob'/],
    [["up", "--port", "0"], /port/],
    [["up", "--name", "../x"], /name/],
    [["up", "--nope"], /unknown option '--nope'/],
    [["up", "-o", "yaml"], /text, json/],
  ])("refuses %j", (argv, message) => {
    expect(() => parse(...argv)).toThrow(message);
  });
});
