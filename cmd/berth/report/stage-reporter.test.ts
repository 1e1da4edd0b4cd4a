import { describe, expect, test } from "vitest";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { createStageReporter, formatStage, type ReporterOptions } from "./stage-reporter.ts";

function open(form: ReporterOptions["form"]) {
  const clock = new FakeClock();
  const written = { progress: "", result: "" };
  const reporter = createStageReporter({
    form,
    hasColour: false,
    clock,
    progress: (text) => (written.progress += text),
    result: (text) => (written.result += text),
  });
  return { reporter, clock, written };
}

describe("createStageReporter", () => {
  test("writes plain lines with the time each stage took, and the result apart from them", async () => {
    const { reporter, clock, written } = open("plain");
    reporter.begin("images");
    reporter.note("building a");
    await clock.advance(1500);
    reporter.end("1 built");
    reporter.finish({}, "Done.");
    expect(written.progress).toBe("  … images         building a\n  ✓ images          1.50 s  1 built\n");
    expect(written.result).toBe("Done.\n");
  });

  test("writes one JSON object per event", async () => {
    const { reporter, clock, written } = open("json");
    reporter.begin("images");
    await clock.advance(20);
    reporter.fail("no network");
    reporter.finish({ name: "a" }, "text");
    const events = written.result
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(events).toMatchObject([
      { event: "stageBegan", stage: "images" },
      { event: "stageFailed", stage: "images", ms: 20, reason: "no network" },
      { event: "finished", name: "a" },
    ]);
    expect(written.progress).toBe("");
  });

  test("turns on a terminal until the stage ends", async () => {
    const { reporter, clock, written } = open("spinner");
    reporter.begin("server");
    await clock.advance(250);
    reporter.end("ok");
    const { length } = written.progress;
    await clock.advance(1000);
    expect(written.progress).toContain("⠹ server");
    expect(written.progress.length).toBe(length);
    expect(written.progress.endsWith("  ✓ server          0.25 s  ok\n")).toBe(true);
  });
});

test("formatStage() has a decimal less from ten seconds on", () => {
  expect(formatStage("✓", "a", 12_345, "")).toBe("  ✓ a               12.3 s");
});
