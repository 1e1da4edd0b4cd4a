import { describe, expect, test } from "vitest";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { type LeaderElectionOptions, runLeaderElection } from "./leader-election.ts";
import { resources } from "./resources.ts";
import { FakeApi } from "./testing/fake-api.ts";

class Fixture {
  readonly clock = new FakeClock();
  readonly api = new FakeApi({ clock: this.clock });
  /** `a leads at 0`, in order; times in seconds. */
  readonly heard: string[] = [];

  run(identity: string, options: Partial<LeaderElectionOptions> = {}): { stop: AbortController; over: Promise<void> } {
    const stop = new AbortController();
    const say = (what: string): void => {
      this.heard.push(`${identity} ${what} at ${Math.floor(this.clock.monotonic() / 1000)}`);
    };
    const over = runLeaderElection(
      {
        client: this.api.client(),
        namespace: "kube-system",
        name: "scheduler",
        identity,
        clock: this.clock,
        random: new SeededRandom(identity.charCodeAt(0)),
        log: silentLogger,
        lead: async (signal) => {
          say("leads");
          await this.clock.sleep(2 ** 40, signal).catch(() => undefined);
          say("stops");
        },
        ...options,
      },
      stop.signal,
    );
    return { stop, over };
  }

  lease() {
    return this.api.peek(resources.leases, "kube-system", "scheduler")?.spec;
  }
}

describe("runLeaderElection", () => {
  test("the first candidate leads and renews, the second waits", async () => {
    const fixture = new Fixture();
    const first = fixture.run("a");
    await fixture.clock.advance(0);
    const second = fixture.run("b");
    await fixture.clock.advance(60_000);
    expect(fixture.heard).toEqual(["a leads at 0"]);
    expect(fixture.lease()).toMatchObject({ holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(Date.parse(fixture.lease()?.renewTime ?? "")).toBeGreaterThanOrEqual(fixture.clock.now() - 2_500);
    second.stop.abort();
    first.stop.abort();
    await Promise.all([first.over, second.over]);
    expect(fixture.heard.at(-1)).toBe("a stops at 60");
  });

  test("who stops gives the lease up, and the next leads within its retry period", async () => {
    const fixture = new Fixture();
    const first = fixture.run("a");
    await fixture.clock.advance(0);
    const second = fixture.run("b");
    await fixture.clock.advance(30_000);
    first.stop.abort();
    await first.over;
    expect(fixture.lease()?.holderIdentity).toBe("");
    await fixture.clock.advance(4_500);
    expect(fixture.heard).toEqual(["a leads at 0", "a stops at 30", expect.stringMatching(/^b leads at 3[0-4]$/)]);
    expect(fixture.lease()).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
    second.stop.abort();
    await second.over;
  });

  test("a holder that vanished is followed after the whole lease duration, whatever its clock says", async () => {
    const fixture = new Fixture();
    fixture.api.seed({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { namespace: "kube-system", name: "scheduler" },
      spec: { holderIdentity: "gone", leaseDurationSeconds: 15, renewTime: "1999-01-01T00:00:00.000000Z" },
    });
    const candidate = fixture.run("b");
    await fixture.clock.advance(14_000);
    expect(fixture.heard).toEqual([]);
    await fixture.clock.advance(6_000);
    expect(fixture.heard).toEqual([expect.stringMatching(/^b leads at 1[5-9]$/)]);
    candidate.stop.abort();
    await candidate.over;
  });

  test("a leader that cannot renew stops before others may lead", async () => {
    const fixture = new Fixture();
    const first = fixture.run("a");
    await fixture.clock.advance(20_000);
    const leases = { resource: "leases", error: "disconnect", times: 1_000 } as const;
    fixture.api.failNext({ ...leases, verb: "get" });
    fixture.api.failNext({ ...leases, verb: "update" });
    await fixture.clock.advance(12_500);
    await first.over;
    expect(fixture.heard).toEqual(["a leads at 0", expect.stringMatching(/^a stops at (29|30|31|32)$/)]);
  });

  test("a leader that finds another holder stops at once", async () => {
    const fixture = new Fixture();
    const first = fixture.run("a");
    await fixture.clock.advance(5_000);
    await fixture.api
      .client()
      .leases.in("kube-system")
      .patch("scheduler", { type: "merge", body: { spec: { holderIdentity: "thief" } } });
    await fixture.clock.advance(2_000);
    await first.over;
    expect(fixture.heard.at(-1)).toBe("a stops at 6");
    expect(fixture.lease()?.holderIdentity).toBe("thief");
  });

  test("tells of every new leader", async () => {
    const fixture = new Fixture();
    const seen: string[] = [];
    const first = fixture.run("a");
    await fixture.clock.advance(0);
    const second = fixture.run("b", { onNewLeader: (identity) => seen.push(identity) });
    await fixture.clock.advance(10_000);
    first.stop.abort();
    await fixture.clock.advance(5_000);
    expect(seen).toEqual(["a", "b"]);
    second.stop.abort();
    await second.over;
  });

  test("when leading ends or fails by itself, the lease is free and the failure is passed on", async () => {
    const fixture = new Fixture();
    const failing = fixture.run("a", { lead: () => Promise.reject(new Error("broken")) });
    const failed = expect(failing.over).rejects.toThrow("broken");
    await fixture.clock.advance(100);
    await failed;
    expect(fixture.lease()?.holderIdentity).toBe("");
    const done = fixture.run("b", { lead: async () => undefined });
    await fixture.clock.advance(100);
    await done.over;
    expect(fixture.lease()?.holderIdentity).toBe("");
  });

  test("of many candidates on a failing server never two lead at once", async () => {
    const fixture = new Fixture();
    const random = new SeededRandom(3);
    let leading = 0;
    let most = 0;
    const lead = async (signal: AbortSignal): Promise<void> => {
      most = Math.max(most, ++leading);
      await fixture.clock.sleep(2 ** 40, signal).catch(() => undefined);
      leading--;
    };
    const candidates = ["a", "b", "c", "d"].map((identity) => fixture.run(identity, { lead }));
    for (let step = 0; step < 100; step++) {
      if (random.float() < 0.3) {
        fixture.api.failNext({ resource: "leases", error: "disconnect", times: 1 + Math.floor(random.float() * 20) });
      }
      await fixture.clock.advance(1_000);
    }
    expect(most).toBe(1);
    for (const { stop, over } of candidates) {
      stop.abort();
      await over;
    }
  });

  test("refuses times that would let two lead", async () => {
    const fixture = new Fixture();
    await expect(fixture.run("a", { renewDeadlineMs: 15_000 }).over).rejects.toMatchObject({ code: "Invalid" });
  });
});
