import { describe, expect, test } from "vitest";
import { BerthError } from "#pkg/system/errors.ts";
import type { SpawnOptions } from "#pkg/system/exec.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { MemoryFiles } from "#pkg/system/testing/memory-files.ts";
import { ProcessTable, parseProcStat, parseRecord } from "./process-table.ts";

const statOf = (startTicks: number, state = "S"): string =>
  `7 (a) b (c) ${state} 1 7 7 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 11 0 ${startTicks} 1000 10`;

/** A machine of processes by pid: what /proc says of each. */
class Machine {
  readonly processes = new Map<number, string>();
  readonly killed: string[] = [];
  boot = "boot-1\n";
  /** Whether SIGTERM ends a process. */
  isObedient = true;
  readonly files = new MemoryFiles();
  readonly clock = new FakeClock();

  readonly runner = {
    run: () => Promise.reject(new BerthError("Internal", "nothing is run")),
    spawn: async (_options: SpawnOptions) => {
      this.processes.set(7, statOf(100));
      return {
        pid: 7,
        exited: new Promise<never>(() => undefined),
        kill: () => undefined,
        [Symbol.asyncDispose]: async () => undefined,
      };
    },
  };

  readonly kernelFiles = {
    read: async (file: string): Promise<string> => {
      if (file.endsWith("boot_id")) return this.boot;
      const text = this.processes.get(Number(file.split("/")[2]));
      if (text === undefined) throw new BerthError("NotFound", file);
      return text;
    },
  };

  readonly kill = (pid: number, signal: string): void => {
    this.killed.push(`${signal} ${pid}`);
    if (this.isObedient || signal === "SIGKILL") this.processes.delete(pid);
  };

  table(): ProcessTable {
    return new ProcessTable("/run/p", this);
  }
}

const start = (table: ProcessTable) => table.start("server", ["node", "s.js"], "/log/server.log");

describe("ProcessTable", () => {
  test("knows in another run what was started", async () => {
    const machine = new Machine();
    await start(machine.table());
    expect(await machine.table().running("server")).toMatchObject({ pid: 7, argv: ["node", "s.js"] });
    expect((await machine.table().list()).map(({ name }) => name)).toEqual(["server"]);
  });

  test.each([
    ["the pid is another program's", (machine: Machine) => machine.processes.set(7, statOf(101))],
    ["it has ended and is not waited for", (machine: Machine) => machine.processes.set(7, statOf(100, "Z"))],
    ["it is gone", (machine: Machine) => machine.processes.delete(7)],
    ["the machine was started anew", (machine: Machine) => (machine.boot = "boot-2\n")],
    ["the record is damaged", (machine: Machine) => machine.files.writeAtomic("/run/p/server.json", "{")],
  ])("does not take it as running when %s", async (_, change) => {
    const machine = new Machine();
    await start(machine.table());
    await change(machine);
    expect(await machine.table().running("server")).toBeUndefined();
  });

  test("never kills a process that got the pid of ours", async () => {
    const machine = new Machine();
    const record = await start(machine.table());
    machine.processes.set(7, statOf(555));
    await machine.table().stop(record);
    expect(machine.killed).toEqual([]);
    expect(machine.processes.has(7)).toBe(true);
  });

  test("asks first, and kills what does not listen", async () => {
    const machine = new Machine();
    machine.isObedient = false;
    const record = await start(machine.table());
    const stopped = machine.table().stop(record, 1000);
    for (let step = 0; step < 60; step++) await machine.clock.advance(25);
    await stopped;
    expect(machine.killed).toEqual(["SIGTERM 7", "SIGKILL 7"]);
    expect(await machine.files.exists("/run/p/server.json")).toBe(false);
  });
});

describe("parseProcStat", () => {
  test("reads the start time past a command with blanks and brackets", () => {
    expect(parseProcStat(statOf(4242))).toEqual({ startTicks: 4242 });
  });

  test("has nothing for garbage", () => {
    expect(parseProcStat("")).toBeUndefined();
    expect(parseProcStat("7 (x) S 1")).toBeUndefined();
  });
});

describe("parseRecord", () => {
  test.each(["", "[]", "{}", '{"name":"else","pid":1,"startTicks":1,"argv":[]}', '{"name":"dns","pid":"1"}'])(
    "has nothing for %j",
    (text) => expect(parseRecord(text)).toBeUndefined(),
  );
});
