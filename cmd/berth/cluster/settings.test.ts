import { describe, expect, test } from "vitest";
import { MemoryFiles } from "#pkg/system/testing/memory-files.ts";
import { buildLayout, type ClusterSettings } from "./layout.ts";
import { combineSettings, findDataDir, readSettings, refuseForeignFolder, writeSettings } from "./settings.ts";

const made: ClusterSettings = { ...combineSettings({ name: "a", port: 7443, demo: false }, "/data", undefined) };

describe("combineSettings", () => {
  test("takes flags, then what the cluster was made with, then defaults", () => {
    expect(combineSettings({ name: "a" }, "/data", made)).toEqual(made);
    expect(combineSettings({ name: "a", port: 8443 }, "/data", made)).toMatchObject({ port: 8443, hasDemo: false });
    expect(combineSettings({ name: "a" }, "/data", undefined)).toMatchObject({ port: 6443, hasDemo: true });
  });

  test("refuses the folder of another cluster", () => {
    expect(() => combineSettings({ name: "b" }, "/data", made)).toThrow(/belongs to the cluster "a"/);
  });
});

describe("findDataDir", () => {
  test("finds a cluster in an unusual folder by its name", async () => {
    const files = new MemoryFiles();
    expect(await findDataDir({ name: "a" }, files)).toBe("/var/lib/berth/a");
    await writeSettings(made, buildLayout(made), files);
    expect(await findDataDir({ name: "a" }, files)).toBe("/data");
    expect(await findDataDir({ name: "a", dataDir: "/else" }, files)).toBe("/else");
    expect(await readSettings("/data", files)).toEqual(made);
  });
});

describe("readSettings", () => {
  test("names a damaged file", async () => {
    const files = new MemoryFiles({ "/data/cluster.json": "{" });
    await expect(readSettings("/data", files)).rejects.toThrow(/\/data\/cluster\.json is damaged/);
  });
});

describe("refuseForeignFolder", () => {
  test("refuses a folder with files of others, which down would remove", async () => {
    const files = new MemoryFiles({ "/home/me/letter": "dear" });
    await expect(refuseForeignFolder("/home/me", undefined, files)).rejects.toThrow(/holds letter but no cluster/);
  });

  test("takes a new folder, an empty one, and its own", async () => {
    const files = new MemoryFiles({ "/data/cluster.json": "{}" });
    await files.makeFolder("/empty");
    for (const [folder, stored] of [["/new"], ["/empty"], ["/data", {}]] as const)
      await expect(refuseForeignFolder(folder, stored, files)).resolves.toBeUndefined();
  });
});
