import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { systemReadableFiles } from "#pkg/system/readable-files.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { LineCutter, LogFormatter, parseLogLine } from "./log-lines.ts";
import { NodeAccess, neededAccess } from "./node-access.ts";
import { parseContainerPath, parseLogQuery } from "./node-routes.ts";
import { type LogRequest, readContainerLog } from "./read-container-log.ts";
import { parseStreamOptions } from "./stream-handlers.ts";

const entry = (text: string, tag = "F", stream = "stdout", second = 1): string =>
  `2026-01-01T00:00:0${second}.5Z ${stream} ${tag} ${text}\n`;

describe("parseLogLine", () => {
  test.each([
    ["2026-01-01T00:00:00Z stdout F hello world", { stream: "stdout", isPartial: false, text: "hello world\n" }],
    ["2026-01-01T00:00:00Z stderr P:x part", { stream: "stderr", isPartial: true, text: "part" }],
    ["2026-01-01T00:00:00Z stdout F ", { stream: "stdout", isPartial: false, text: "\n" }],
    ["garbage", undefined],
    ["2026-01-01T00:00:00Z other F x", undefined],
  ])("%s", (line, expected) => {
    const found = parseLogLine(Buffer.from(line));
    expect(found && { stream: found.stream, isPartial: found.isPartial, text: found.text.toString() }).toEqual(
      expected,
    );
  });

  test("lines may be cut anywhere", () => {
    const cutter = new LineCutter();
    expect([...cutter.push(Buffer.from("ab")), ...cutter.push(Buffer.from("c\nd\ne"))].map(String)).toEqual([
      "abc",
      "d",
    ]);
  });

  test("a line in parts has its time once", () => {
    const formatter = new LogFormatter({ timestamps: true, sinceMs: undefined, stream: undefined });
    const lines = [entry("a", "P"), entry("b"), entry("c")].map((line) => parseLogLine(Buffer.from(line.trimEnd())));
    const shown = lines.map((line) => line && formatter.format(line)?.toString());
    expect(shown.join("")).toBe("2026-01-01T00:00:01.5Z ab\n2026-01-01T00:00:01.5Z c\n");
  });
});

describe("readContainerLog", () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "berth-logs-"));
    file = path.join(folder, "0.log");
    await writeFile(file, [1, 2, 3].map((second) => entry(`line ${second}`, "F", "stdout", second)).join(""));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = (request: Partial<LogRequest>, isRunning = async () => false, signal = new AbortController().signal) =>
    readContainerLog(
      {
        file,
        follow: false,
        tailLines: undefined,
        limitBytes: undefined,
        timestamps: false,
        sinceMs: undefined,
        stream: undefined,
        ...request,
      },
      { files: systemReadableFiles, clock: systemClock, isRunning },
      signal,
    );
  const all = async (request: Partial<LogRequest>): Promise<string> => {
    let text = "";
    for await (const chunk of open(request)) text += chunk;
    return text;
  };

  test.each<[Partial<LogRequest>, string]>([
    [{}, "line 1\nline 2\nline 3\n"],
    [{ tailLines: 2 }, "line 2\nline 3\n"],
    [{ tailLines: 0 }, ""],
    [{ tailLines: 9 }, "line 1\nline 2\nline 3\n"],
    [{ limitBytes: 9 }, "line 1\nli"],
    [{ sinceMs: Date.parse("2026-01-01T00:00:03Z") }, "line 3\n"],
    [{ stream: "stderr" }, ""],
  ])("%j", async (request, expected) => {
    expect(await all(request)).toBe(expected);
  });

  test("a log that is not there is told", async () => {
    await expect(all({ file: path.join(folder, "1.log") })).rejects.toMatchObject({ code: "NotFound" });
  });

  test("a follower goes on in the new file after a rotation, and ends with the container", async () => {
    let runs = true;
    const log = open({ follow: true, tailLines: 1 }, async () => runs);
    expect(String((await log.next()).value)).toBe("line 3\n");
    await appendFile(file, entry("last of the old"));
    expect(String((await log.next()).value)).toBe("last of the old\n");
    await rename(file, `${file}.old`);
    await writeFile(file, entry("first of the new"));
    expect(String((await log.next()).value)).toBe("first of the new\n");
    runs = false;
    expect((await log.next()).done).toBe(true);
  });
});

describe("neededAccess", () => {
  test.each([
    ["GET", "/pods", ["get"], ["pods", "proxy"]],
    ["GET", "/stats/summary", ["get"], ["stats"]],
    ["GET", "/metrics/resource", ["get"], ["metrics"]],
    ["GET", "/containerLogs/a/b/c", ["get"], ["proxy"]],
    ["POST", "/exec/a/b/c", ["create"], ["proxy"]],
    ["GET", "/exec/a/b/c", ["get", "create"], ["proxy"]],
    ["GET", "/healthz", ["get"], ["healthz", "proxy"]],
  ])("%s %s", (method, at, verbs, subresources) => {
    expect(neededAccess(method, at)).toEqual({ verbs, subresources });
  });
});

describe("NodeAccess", () => {
  test("answers are kept, a refusal for less long than a permission, and a failure lets nobody in", async () => {
    const clock = new FakeClock();
    let allowed = true;
    const api = new FakeApi({
      clock,
      review: () => ({ allowed, authenticated: true, user: { username: "eve", groups: ["g"] } }),
    });
    const access = new NodeAccess({ client: api.client(), clock, nodeName: "node-1" });
    const user = await access.tokenUser("t");
    expect(user).toMatchObject({ name: "eve", groups: ["g"] });
    await access.tokenUser("t");
    expect(api.requests).toHaveLength(1);
    const ask = () => access.isAllowed(user ?? { name: "", groups: [] }, neededAccess("GET", "/metrics"));
    expect(await ask()).toBe(true);
    allowed = false;
    await clock.advance(299_000);
    expect(await ask()).toBe(true);
    await clock.advance(2_000);
    expect(await ask()).toBe(false);
    await clock.advance(31_000);
    api.failNext({ resource: "subjectaccessreviews", error: "disconnect", times: 20 });
    const failing = expect(ask()).rejects.toThrow();
    await clock.advance(120_000);
    await failing;
  });
});

describe("parameters", () => {
  test("of logs", () => {
    const query = new URLSearchParams("follow=true&tailLines=5&sinceSeconds=10&stream=Stdout");
    expect(parseLogQuery(query, 20_000)).toMatchObject({
      follow: true,
      tailLines: 5,
      sinceMs: 10_000,
      stream: "stdout",
    });
    expect(() => parseLogQuery(new URLSearchParams("tailLines=-1"), 0)).toThrow("tailLines");
  });

  test("of streams and paths", () => {
    expect(parseStreamOptions(new URLSearchParams("output=1&error=1&tty=1"))).toEqual({
      stdin: false,
      stdout: true,
      stderr: false,
      tty: true,
    });
    expect(() => parseStreamOptions(new URLSearchParams())).toThrow("at least 1");
    expect(parseContainerPath(["ns", "p", "u", "c"])).toEqual({
      namespace: "ns",
      name: "p",
      podUid: "u",
      container: "c",
    });
    expect(() => parseContainerPath(["ns", "p"])).toThrow("path");
  });
});
