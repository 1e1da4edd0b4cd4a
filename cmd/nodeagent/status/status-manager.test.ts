import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { resources } from "#pkg/kube/resources.ts";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { StatusManager } from "./status-manager.ts";

describe("StatusManager", () => {
  let clock: FakeClock;
  let api: FakeApi;
  let manager: StatusManager;
  let gone: string[];
  beforeEach(() => {
    clock = new FakeClock();
    api = new FakeApi({ clock });
    gone = [];
    manager = new StatusManager({ pods: api.client().pods, clock, log: silentLogger, onGone: (uid) => gone.push(uid) });
  });
  afterEach(() => manager[Symbol.asyncDispose]());

  const make = (name: string, more: Partial<Pod["metadata"]> = {}): Stored<Pod> =>
    api.seed<Pod>({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "ns", ...more },
      spec: { containers: [] },
      status: { phase: "Pending" },
    });
  const phase = (name: string) => api.peek(resources.pods, "ns", name)?.status?.phase;
  const patches = () => api.requests.filter(({ verb }) => verb === "patch");

  test("writes the status with one request and no read before it", async () => {
    manager.set(make("p"), { phase: "Running" });
    await manager.flush(1000);
    expect(phase("p")).toBe("Running");
    expect(api.requests.map(({ verb, subresource }) => [verb, subresource])).toEqual([["patch", "status"]]);
  });

  test("does not write what the API has already", async () => {
    manager.set(make("p"), { phase: "Pending" });
    await manager.flush(1000);
    expect(api.requests).toEqual([]);
  });

  test("statuses that come while one is being written are written as one, the latest", async () => {
    const pod = make("p");
    manager.set(pod, { phase: "Running" });
    for (const message of ["a", "b", "c"]) manager.set(pod, { phase: "Running", message });
    await manager.flush(1000);
    expect(api.peek(resources.pods, "ns", "p")?.status?.message).toBe("c");
    expect(patches()).toHaveLength(2);
  });

  test("a status set at any moment of another's writing is written", async () => {
    const pod = make("p");
    for (let turns = 0; turns < 40; turns++) {
      manager.set(pod, { phase: "Running", message: `before ${turns}` });
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      manager.set(pod, { phase: "Running", message: `after ${turns}` });
      await clock.advance(10);
      expect(api.peek(resources.pods, "ns", "p")?.status?.message).toBe(`after ${turns}`);
    }
  });

  test("tries again while the server is away", async () => {
    api.failNext({ verb: "patch", times: 3, error: "disconnect" });
    manager.set(make("p"), { phase: "Running" });
    await clock.advance(5000);
    expect(phase("p")).toBe("Running");
  });

  test("one pod that cannot be written does not hold up the others", async () => {
    api.failNext({ verb: "patch", name: "slow", times: 100, error: "disconnect" });
    manager.set(make("slow"), { phase: "Running" });
    manager.set(make("quick"), { phase: "Running" });
    await clock.advance(10);
    expect([phase("slow"), phase("quick")]).toEqual(["Pending", "Running"]);
  });

  test("what someone else wrote over the status is written again; news from before our write is not heeded", async () => {
    const pod = make("p");
    manager.set(pod, { phase: "Running" });
    await manager.flush(1000);
    manager.noteApiState(pod);
    await manager.flush(1000);
    expect(patches()).toHaveLength(1);
    const current = await api.client().pods.in("ns").get("p");
    manager.noteApiState(await api.client().pods.updateStatus({ ...current, status: { phase: "Unknown" } }));
    await manager.flush(1000);
    expect(phase("p")).toBe("Running");
  });

  test("a finished pod is deleted only when it is marked, after its last status", async () => {
    const kept = make("kept");
    manager.set(kept, { phase: "Succeeded" });
    manager.finish(kept);
    const marked = make("marked", { deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 30 });
    manager.set(marked, { phase: "Failed" });
    manager.finish(marked);
    await manager.flush(1000);
    expect([phase("kept"), phase("marked")]).toEqual(["Succeeded", undefined]);
    const verbs = api.requests.filter(({ name }) => name === "marked").map(({ verb }) => verb);
    expect(verbs).toEqual(["patch", "delete"]);
    const deletion = api.requests.find(({ verb }) => verb === "delete");
    expect(deletion?.body).toMatchObject({ gracePeriodSeconds: 0, preconditions: { uid: marked.metadata.uid } });
  });

  test("a pod that is gone or was replaced is dropped", async () => {
    const pod = make("p");
    api.failNext({ verb: "patch", error: StatusError.notFound({ group: "", resource: "pods" }, "p") });
    manager.set(pod, { phase: "Running" });
    await manager.flush(1000);
    expect(gone).toEqual([pod.metadata.uid]);
    expect(manager.get(pod.metadata.uid)).toBeUndefined();
  });
});
