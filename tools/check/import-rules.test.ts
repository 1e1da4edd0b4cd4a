import { describe, expect, test } from "vitest";
import { checkImports } from "./import-rules.ts";

const allowed: readonly [string, string, string][] = [
  ["a sibling file", "pkg/kube/client.ts", 'import { a } from "./watch.ts";'],
  ["a lower layer", "cmd/proxy/services/x.ts", 'import { a } from "#pkg/network/iptables.ts";'],
  ["an area named in a comment", "pkg/api/x.ts", '// import { a } from "#pkg/kube/client.ts";'],
  ["the clock in main.ts", "cmd/dns/main.ts", "const t = Date.now();"],
  ["a fake in a test", "pkg/kube/x.test.ts", 'import { F } from "#pkg/system/testing/fake-clock.ts";'],
  ["a date made of a number", "pkg/kube/x.ts", "const d = new Date(ms);"],
  ["a forbidden word in a string", "pkg/kube/x.ts", 'const s = "Date.now and setTimeout(";'],
  ["a method that shares a timer's name", "pkg/kube/x.ts", "clock.setTimeout(1); this.#setTimeout(2);"],
  ["a waived line", "controlplane/store/worker.ts", 'import fs from "node:fs"; // os-door: fsync in the worker'],
];

const refused: readonly [string, string, string, RegExp][] = [
  [
    "a sibling area",
    "pkg/cri/x.ts",
    'import { a } from "#pkg/network/ip.ts";',
    /pkg\/cri may import only pkg\/api, pkg\/system/,
  ],
  ["an upper layer", "pkg/api/x.ts", 'import type { A } from "../system/clock.ts";', /pkg\/api may import only itself/],
  [
    "the store from a controller",
    "controlplane/controllers/x.ts",
    'import { S } from "../store/store.ts";',
    /may import only/,
  ],
  ["another program", "cmd/proxy/x.ts", 'const m = await import("#cmd/dns/zone.ts");', /may import only pkg/],
  ["a fake outside tests", "pkg/kube/x.ts", 'import { F } from "#pkg/system/testing/fake-clock.ts";', /for tests only/],
  ["the file system", "pkg/kube/x.ts", 'import fs from "node:fs";', /take Files/],
  ["the wall clock", "pkg/kube/x.ts", "const t = Date.now();", /take a Clock/],
  ["a timer", "controlplane/apiserver/x.ts", "setTimeout(f, 1);", /take a Clock/],
  ["the environment", "cmd/dns/zone.ts", "const e = process.env.HOME;", /options\.ts/],
  ["process exit", "pkg/kube/x.ts", "process.exit(1);", /main\.ts/],
];

describe("checkImports", () => {
  test.each(allowed)("allows %s", (_name, file, source) => {
    expect(checkImports(file, source)).toEqual([]);
  });

  test.each(refused)("refuses %s and says what to do", (_name, file, source, message) => {
    const violations = checkImports(file, `\n${source}`);
    expect(violations).toHaveLength(1);
    expect(violations[0]?.line).toBe(2);
    expect(violations[0]?.message).toMatch(message);
  });
});
