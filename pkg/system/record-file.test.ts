import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RecordFile } from "./record-file.ts";

describe("RecordFile", () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "berth-record-"));
    file = path.join(folder, "record");
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("reads nothing from a new file, and afterwards what was written last", () => {
    using record = new RecordFile(file);
    expect(record.read()).toBeUndefined();
    record.write("a long first record", true);
    record.write("second", false);
    expect(record.read()).toBe("second");
    using again = new RecordFile(file);
    expect(again.read()).toBe("second");
  });

  test("any damaged byte, or a missing end, reads as nothing", async () => {
    {
      using record = new RecordFile(file);
      record.write("reserved=12 committed=3", true);
    }
    const whole = await readFile(file);
    for (const at of [0, 7, 9, 20]) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await writeFile(file, damaged);
      using record = new RecordFile(file);
      expect(record.read()).toBeUndefined();
    }
    await writeFile(file, whole.subarray(0, 100));
    using record = new RecordFile(file);
    expect(record.read()).toBeUndefined();
  });
});
