/** Deployment and ReplicaSet controllers together on a fake API, with a node that makes pods ready when told to. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Deployment, DeploymentSpec, ReplicaSet } from "#pkg/api/apps/v1.ts";
import type { Pod } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isPodActive, isPodReady } from "#pkg/api/pod-status.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import { Informers } from "#pkg/kube/informers.ts";
import { resources } from "#pkg/kube/resources.ts";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import type { ControllerContext } from "./controller-context.ts";
import { startDeploymentController } from "./deployment-controller.ts";
import { startReplicaSetController } from "./replica-set-controller.ts";

let clock: FakeClock;
let api: FakeApi;
let client: KubeClient;
let running: AsyncDisposable[];
let events: string[];

beforeEach(async () => {
  clock = new FakeClock();
  api = new FakeApi({ clock });
  client = api.client();
  events = [];
  const random = new SeededRandom();
  const informers = new Informers({ client, clock, random, log: silentLogger });
  const context: ControllerContext = {
    client,
    informers,
    clock,
    random,
    log: silentLogger,
    events: {
      event: (about, _type, reason, message) =>
        events.push(`${about.kind ?? ""}${about.metadata.name} ${reason}: ${message}`),
    },
  };
  running = [startReplicaSetController(context), startDeploymentController(context), informers];
  await clock.advance(10);
});
afterEach(async () => {
  for (const one of running) await one[Symbol.asyncDispose]();
});

function deployment(spec: Partial<DeploymentSpec> = {}, image = "app:1"): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "default", name: "web" },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      progressDeadlineSeconds: 600,
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } },
      ...spec,
    },
  };
}

const pods = (): readonly Stored<Pod>[] => api.peekAll(resources.pods).filter(isPodActive);
const sets = (): readonly Stored<ReplicaSet>[] => api.peekAll(resources.replicaSets);
const current = (): Stored<Deployment> => api.peek(resources.deployments, "default", "web") as Stored<Deployment>;
const images = (): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const pod of pods())
    counts[pod.spec?.containers[0]?.image ?? ""] = (counts[pod.spec?.containers[0]?.image ?? ""] ?? 0) + 1;
  return counts;
};
const progress = (): string | undefined =>
  current().status?.conditions?.find(({ type }) => type === "Progressing")?.reason;

async function makeReady(which: (pod: Stored<Pod>) => boolean = () => true): Promise<void> {
  for (const pod of pods()) {
    if (isPodReady(pod) || !which(pod)) continue;
    await client.pods.in("default").patch(pod.metadata.name, { type: "merge", body: { spec: { nodeName: "node-1" } } });
    const conditions = [{ type: "Ready", status: "True" as const, lastTransitionTime: formatTime(clock.now()) }];
    await client.pods
      .in("default")
      .patch(
        pod.metadata.name,
        { type: "merge", body: { status: { phase: "Running", conditions } } },
        { subresource: "status" },
      );
  }
  await clock.advance(50);
}

/** What a node does with a pod that was deleted. */
async function finishDeletions(): Promise<void> {
  for (const pod of api.peekAll(resources.pods)) {
    if (pod.metadata.deletionTimestamp)
      await client.pods.in("default").delete(pod.metadata.name, { gracePeriodSeconds: 0 });
  }
  await clock.advance(50);
}

async function rollOut(spec: Partial<DeploymentSpec> = {}): Promise<void> {
  await client.deployments.in("default").create(deployment(spec));
  await clock.advance(100);
  await makeReady();
}

async function setImage(image: string): Promise<void> {
  const template = { spec: { containers: [{ name: "c", image }] } };
  await client.deployments.in("default").patch("web", { type: "merge", body: { spec: { template } } });
  await clock.advance(100);
}

describe("deployment controller", () => {
  test("makes a set and its pods, and says so when all are available", async () => {
    await client.deployments.in("default").create(deployment());
    await clock.advance(100);
    expect(pods()).toHaveLength(3);
    expect(progress()).toBe("ReplicaSetUpdated");
    await makeReady();
    expect(current().status).toMatchObject({
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      observedGeneration: 1,
    });
    expect(progress()).toBe("NewReplicaSetAvailable");
    expect(sets()[0]?.metadata.annotations).toMatchObject({
      "deployment.kubernetes.io/revision": "1",
      "deployment.kubernetes.io/desired-replicas": "3",
      "deployment.kubernetes.io/max-replicas": "4",
    });
    expect(current().metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("1");
  });

  test.each([
    ["25%", "25%", 4],
    [1, 0, 3],
    [0, 1, 5],
    ["50%", "50%", 7],
    [0, 0, 3],
  ])(
    "rolls over with surge %s and unavailable %s, never outside its limits",
    async (maxSurge, maxUnavailable, replicas) => {
      await rollOut({ replicas, strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } } });
      await setImage("app:2");
      const surge =
        typeof maxSurge === "string" ? Math.ceil((replicas * Number.parseInt(maxSurge, 10)) / 100) : maxSurge;
      const missing =
        typeof maxUnavailable === "string"
          ? Math.floor((replicas * Number.parseInt(maxUnavailable, 10)) / 100)
          : maxUnavailable;
      const mayMiss = surge === 0 && missing === 0 ? 1 : missing;
      for (
        let step = 0;
        step < 4 * replicas && (images()["app:1"] ?? 0) + pods().filter((pod) => !isPodReady(pod)).length > 0;
        step++
      ) {
        expect(pods().length).toBeLessThanOrEqual(replicas + surge);
        expect(pods().filter(isPodReady).length).toBeGreaterThanOrEqual(replicas - mayMiss);
        const next = pods().find((pod) => !isPodReady(pod));
        await makeReady((pod) => pod.metadata.uid === next?.metadata.uid);
        await finishDeletions();
      }
      expect(images()).toEqual({ "app:2": replicas });
      expect(progress()).toBe("NewReplicaSetAvailable");
    },
  );

  test("a version that never becomes ready stops the rollout, is reported, and undoing brings the old set back", async () => {
    await rollOut({
      replicas: 4,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
    });
    await setImage("app:broken");
    await clock.advance(700_000);
    expect(pods().filter(isPodReady)).toHaveLength(3);
    expect(progress()).toBe("ProgressDeadlineExceeded");
    expect(current().status?.conditions?.find(({ type }) => type === "Available")?.status).toBe("True");
    const firstSet = sets().find((set) => set.spec?.template?.spec?.containers[0]?.image === "app:1");
    await setImage("app:1");
    await makeReady();
    await finishDeletions();
    expect(images()).toEqual({ "app:1": 4 });
    expect(sets()).toHaveLength(2);
    expect(sets().find(({ metadata }) => metadata.uid === firstSet?.metadata.uid)?.metadata.annotations).toMatchObject({
      "deployment.kubernetes.io/revision": "3",
      "deployment.kubernetes.io/revision-history": "1",
    });
  });

  test("scales up, down and to nothing", async () => {
    await rollOut();
    for (const replicas of [6, 2, 0]) {
      await client.deployments.in("default").patch("web", { type: "merge", body: { spec: { replicas } } });
      await clock.advance(100);
      await makeReady();
      expect(pods()).toHaveLength(replicas);
      expect(current().status?.availableReplicas ?? 0).toBe(replicas);
    }
  });

  test("scaled in the middle of a rollout, each set keeps its share", async () => {
    await rollOut({
      replicas: 10,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
    });
    await setImage("app:2");
    const before = images();
    await client.deployments.in("default").patch("web", { type: "merge", body: { spec: { replicas: 30 } } });
    await clock.advance(100);
    const after = images();
    expect((after["app:1"] ?? 0) + (after["app:2"] ?? 0)).toBe(33);
    expect((after["app:1"] ?? 0) / (after["app:2"] ?? 1)).toBeCloseTo(
      (before["app:1"] ?? 0) / (before["app:2"] ?? 1),
      0,
    );
  });

  test("recreate takes all old pods away before it makes new ones", async () => {
    await rollOut({ strategy: { type: "Recreate" } });
    await setImage("app:2");
    expect(api.peekAll(resources.pods).every((pod) => pod.spec?.containers[0]?.image === "app:1")).toBe(true);
    await finishDeletions();
    await clock.advance(100);
    expect(images()).toEqual({ "app:2": 3 });
  });

  test("a paused deployment scales but does not roll over", async () => {
    await rollOut();
    await client.deployments.in("default").patch("web", { type: "merge", body: { spec: { paused: true } } });
    await setImage("app:2");
    await client.deployments.in("default").patch("web", { type: "merge", body: { spec: { replicas: 5 } } });
    await clock.advance(100);
    expect(images()).toEqual({ "app:1": 5 });
    expect(progress()).toBe("DeploymentPaused");
    await client.deployments.in("default").patch("web", { type: "merge", body: { spec: { paused: false } } });
    await clock.advance(100);
    expect(images()["app:2"]).toBeGreaterThan(0);
  });

  test("keeps as many old sets as revisionHistoryLimit says", async () => {
    await rollOut({ replicas: 1, revisionHistoryLimit: 2 });
    for (const image of ["app:2", "app:3", "app:4", "app:5"]) {
      await setImage(image);
      await makeReady();
      await finishDeletions();
      await clock.advance(100);
    }
    expect(
      sets()
        .map((set) => set.spec?.template?.spec?.containers[0]?.image)
        .sort(),
    ).toEqual(["app:3", "app:4", "app:5"]);
  });
});

describe("replica set controller", () => {
  test("replaces a pod that goes, and makes no second one while the cache lags", async () => {
    await rollOut();
    const held = api.holdEvents();
    const victim = pods()[0];
    await client.pods.in("default").delete(victim?.metadata.name ?? "", { gracePeriodSeconds: 0 });
    await clock.advance(100);
    held[Symbol.dispose]();
    await clock.advance(100);
    expect(pods()).toHaveLength(3);
    expect(pods().map(({ metadata }) => metadata.uid)).not.toContain(victim?.metadata.uid);
  });

  test("adopts a pod that fits and has no owner, and lets one go that fits no longer", async () => {
    await rollOut({ replicas: 1 });
    const set = sets()[0];
    const labels = set?.spec?.selector?.matchLabels ?? {};
    await client.pods
      .in("default")
      .create({ apiVersion: "v1", kind: "Pod", metadata: { name: "stray", labels }, spec: { containers: [] } });
    await clock.advance(100);
    await finishDeletions();
    expect(pods()).toHaveLength(1);
    const [kept] = pods();
    await client.pods
      .in("default")
      .patch(kept?.metadata.name ?? "", { type: "merge", body: { metadata: { labels: { app: "debug" } } } });
    await clock.advance(100);
    expect(pods()).toHaveLength(2);
    expect(api.peek(resources.pods, "default", kept?.metadata.name ?? "")?.metadata.ownerReferences ?? []).toEqual([]);
  });

  test("when pods are refused it says why, tries few, and goes on when it can", async () => {
    api.failNext({
      verb: "create",
      resource: "pods",
      times: 3,
      error: StatusError.forbidden({ group: "", resource: "pods" }, "", "exceeded quota: q"),
    });
    await client.deployments.in("default").create(deployment({ replicas: 50 }));
    await clock.advance(8);
    expect(
      events.some((event) => event.includes("FailedCreate: Error creating: pods is forbidden: exceeded quota: q")),
    ).toBe(true);
    await clock.advance(10_000);
    expect(pods()).toHaveLength(50);
  });

  test("a refusal that goes on is tried less and less often, though each names another pod", async () => {
    for (let i = 0; i < 200; i++) {
      const error = StatusError.forbidden({ group: "", resource: "pods" }, `web-${i}`, "exceeded quota: q");
      api.failNext({ verb: "create", resource: "pods", error });
    }
    await client.deployments.in("default").create(deployment({ replicas: 1 }));
    await clock.advance(10_000);
    const tries = api.requests.filter(({ verb, resource }) => verb === "create" && resource === "pods").length;
    expect(tries).toBeLessThan(20);
    expect(tries).toBeGreaterThan(5);
  });

  test("deletes the pods that matter least", async () => {
    await rollOut({ replicas: 4 });
    const [first, second] = pods();
    await client.pods
      .in("default")
      .patch(
        second?.metadata.name ?? "",
        { type: "merge", body: { status: { conditions: [{ type: "Ready", status: "False" }] } } },
        { subresource: "status" },
      );
    await client.pods.in("default").patch(first?.metadata.name ?? "", {
      type: "merge",
      body: { metadata: { annotations: { "controller.kubernetes.io/pod-deletion-cost": "-10" } } },
    });
    await clock.advance(50);
    await client.deployments.in("default").patch("web", { type: "merge", body: { spec: { replicas: 2 } } });
    await clock.advance(100);
    const left = pods().map(({ metadata }) => metadata.name);
    expect(left).toHaveLength(2);
    expect(left).not.toContain(first?.metadata.name);
    expect(left).not.toContain(second?.metadata.name);
  });
});
