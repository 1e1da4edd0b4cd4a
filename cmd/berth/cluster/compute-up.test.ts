import { describe, expect, test } from "vitest";
import { computeImports, computeProcess } from "./compute-up.ts";
import type { ProcessRecord } from "./process-table.ts";

const argv = ["node", "server.js", "--port", "1"];
const record: ProcessRecord = { name: "server", pid: 7, startTicks: 1, bootId: "b", argv, startedMs: 0 };

describe("computeProcess", () => {
  test("starts what does not run", () => {
    expect(computeProcess(argv, undefined, false)).toEqual({ kind: "start" });
  });

  test("keeps what runs as it should", () => {
    expect(computeProcess([...argv], record, false)).toEqual({ kind: "keep", record });
  });

  test.each([
    ["another flag", ["node", "server.js", "--port", "2"], false],
    ["a flag more", [...argv, "--x"], false],
    ["a flag less", argv.slice(0, 2), false],
    ["another file of settings", argv, true],
  ])("starts it anew for %s", (_, wanted, changed) => {
    expect(computeProcess(wanted, record, changed)).toEqual({ kind: "restart", record });
  });
});

describe("computeImports", () => {
  const images = [
    { reference: "a", key: "1" },
    { reference: "b", key: "1" },
    { reference: "c", key: "2" },
  ];

  test("takes what changed, what is new, and what the runtime lost", () => {
    const wanted = computeImports(images, { a: "1", b: "1", c: "1" }, new Set(["a", "c"]));
    expect(wanted.map(({ reference }) => reference)).toEqual(["b", "c"]);
  });

  test("takes nothing the second time", () => {
    expect(computeImports(images, { a: "1", b: "1", c: "2" }, new Set(["a", "b", "c"]))).toEqual([]);
  });
});
