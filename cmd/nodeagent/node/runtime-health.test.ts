import { describe, expect, test } from "vitest";
import { FakeRuntime } from "#pkg/cri/testing/fake-runtime.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { RuntimeHealth } from "./runtime-health.ts";

describe("RuntimeHealth", () => {
  const open = () => {
    const clock = new FakeClock();
    const fake = new FakeRuntime(clock);
    const changes: (string | undefined)[] = [];
    const health: RuntimeHealth = new RuntimeHealth({
      runtime: fake.runtime,
      clock,
      onChange: () => changes.push(health.state.runtimeProblem),
    });
    return { clock, fake, health, changes };
  };

  test("a runtime that answers is ready, and what did not change is not told", async () => {
    const { clock, health, changes } = open();
    await health.start();
    await clock.advance(60_000);
    expect(health.state).toMatchObject({ name: "fake", runtimeProblem: undefined, networkProblem: undefined });
    expect(changes).toEqual([undefined]);
    await health[Symbol.asyncDispose]();
  });

  test("a silence of seconds is a restart, a longer one is an end; it is noticed at once when it is over", async () => {
    const { clock, fake, health } = open();
    await health.start();
    const silence = setFailing(fake);
    await clock.advance(20_000);
    expect(health.state.runtimeProblem).toBeUndefined();
    await clock.advance(20_000);
    expect(health.state.runtimeProblem).toContain("container runtime is down");
    silence.end();
    await clock.advance(300);
    expect(health.state.runtimeProblem).toBeUndefined();
    await health[Symbol.asyncDispose]();
  });
});

function setFailing(fake: FakeRuntime): { end(): void } {
  const { version } = fake.runtime;
  fake.runtime.version = async () => {
    throw new BerthError("Unavailable", "connection refused");
  };
  return {
    end: () => {
      fake.runtime.version = version;
    },
  };
}
