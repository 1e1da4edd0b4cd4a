import { beforeEach, describe, expect, test } from "vitest";
import type { Secret } from "#pkg/api/core/v1.ts";
import { FakeRuntime } from "#pkg/cri/testing/fake-runtime.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { container, makePod } from "../pods/testing/pod-fixtures.ts";
import { ImagePuller } from "./image-puller.ts";

describe("ImagePuller", () => {
  let clock: FakeClock;
  let fake: FakeRuntime;
  let puller: ImagePuller;
  let events: string[];
  let secrets: Record<string, Secret>;
  beforeEach(() => {
    clock = new FakeClock();
    fake = new FakeRuntime(clock);
    events = [];
    secrets = {};
    puller = makePuller(5);
  });

  const makePuller = (maxParallelPulls: number) =>
    new ImagePuller({
      images: fake.imageService,
      clock,
      events: { record: (_pod, type, reason, message) => events.push(`${type} ${reason}: ${message}`) },
      readSecret: async (_namespace, name) => secrets[name],
      maxParallelPulls,
    });
  const pod = makePod();
  const ensure = (image: string, imagePullPolicy?: "Always" | "IfNotPresent" | "Never", more = pod) =>
    puller.ensure(
      more,
      container("a", { image, ...(imagePullPolicy ? { imagePullPolicy } : {}) }),
      {},
      new AbortController().signal,
    );
  const pulls = () => fake.calls.filter((call) => call.startsWith("pullImage"));

  test("an image that is there is not pulled", async () => {
    fake.images.add("app:1");
    expect((await ensure("app:1")).ref).toBe("app:1");
    expect([pulls(), events]).toEqual([[], ['Normal Pulled: Container image "app:1" already present on machine']]);
  });

  test("without a tag it is latest, and asked for each time", async () => {
    fake.images.add("app:latest");
    fake.registry.add("app:latest");
    await ensure("app");
    expect(pulls()).toEqual(["pullImage app:latest"]);
  });

  test("policy Never does not pull", async () => {
    await expect(ensure("app:1", "Never")).rejects.toMatchObject({ reason: "ErrImageNeverPull" });
    expect(pulls()).toEqual([]);
  });

  test("a name that is none is said to be", async () => {
    await expect(ensure("App/:1")).rejects.toMatchObject({ reason: "InvalidImageName" });
  });

  test("a failed pull waits 10 s, then twice as long", async () => {
    await expect(ensure("gone:1")).rejects.toMatchObject({ reason: "ErrImagePull" });
    const second = await ensure("gone:1").catch((error: unknown) => error);
    expect(second).toMatchObject({ reason: "ImagePullBackOff", retryAtMs: clock.now() + 10_000 });
    expect(String(second)).toContain('Back-off pulling image "gone:1": failed to pull');
    await clock.advance(10_000);
    await expect(ensure("gone:1")).rejects.toMatchObject({ reason: "ErrImagePull" });
    await expect(ensure("gone:1")).rejects.toMatchObject({ retryAtMs: clock.now() + 20_000 });
    expect(pulls()).toHaveLength(2);
  });

  test("another pod does not wait for the back-off of the first", async () => {
    await ensure("gone:1").catch(() => undefined);
    fake.registry.add("gone:1");
    await ensure("gone:1", undefined, makePod({}, { uid: "uid-2" }));
    expect(pulls()).toHaveLength(2);
  });

  test("pods that want the same image share one pull", async () => {
    fake.registry.add("app:1");
    const wanted = ["u1", "u2", "u3"].map((uid) => ensure("app:1", undefined, makePod({}, { uid })));
    expect((await Promise.all(wanted)).map(({ ref }) => ref)).toEqual(["app:1", "app:1", "app:1"]);
    expect(pulls()).toHaveLength(1);
  });

  test("only so many pulls at once", async () => {
    puller = makePuller(1);
    let running = 0;
    let most = 0;
    const pull = fake.imageService.pullImage;
    fake.imageService.pullImage = async (...call) => {
      most = Math.max(most, ++running);
      await clock.sleep(1000);
      running--;
      return await pull(...call);
    };
    const names = ["a:1", "b:1", "c:1"];
    for (const name of names) fake.registry.add(name);
    const all = Promise.all(names.map((name) => ensure(name)));
    await clock.advance(3000);
    await all;
    expect(most).toBe(1);
  });

  test("each fitting credential is tried", async () => {
    const used: unknown[] = [];
    fake.imageService.pullImage = async (_image, auth) => {
      used.push(auth?.username);
      if (auth?.username !== "right") throw new BerthError("Forbidden", "no");
      return "sha256:1";
    };
    const config = (username: string, registry: string) =>
      Buffer.from(JSON.stringify({ auths: { [registry]: { username, password: "p" } } })).toString("base64");
    const secret = (name: string, data: string): Secret => ({
      metadata: { name },
      type: "kubernetes.io/dockerconfigjson",
      data: { ".dockerconfigjson": data },
    });
    secrets = {
      one: secret("one", config("wrong", "https://reg.example.com/v2/")),
      two: secret("two", config("right", "reg.example.com")),
      other: secret("other", config("other", "elsewhere.example.com")),
    };
    const imagePullSecrets = ["one", "two", "other", "absent"].map((name) => ({ name }));
    await ensure("reg.example.com/app:1", undefined, makePod({ imagePullSecrets }));
    expect(used).toEqual(["wrong", "right"]);
  });

  test("giving up the wait does not end the pull", async () => {
    fake.registry.add("app:1");
    const abort = new AbortController();
    const waiting = puller.ensure(pod, container("a", { image: "app:1" }), {}, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: "Aborted" });
    expect((await ensure("app:1")).ref).toBe("app:1");
  });
});
