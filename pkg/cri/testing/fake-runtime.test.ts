import { systemClock } from "#pkg/system/clock.ts";
import { FakeRuntime } from "./fake-runtime.ts";
import { runtimeSuite } from "./runtime-suite.ts";

runtimeSuite("FakeRuntime", async () => {
  const fake = new FakeRuntime(systemClock);
  fake.images.add("busybox:1");
  return {
    runtime: fake.runtime,
    images: fake.imageService,
    image: "busybox:1",
    logFolder: "/logs",
    cgroupParent: "",
    [Symbol.asyncDispose]: async () => undefined,
  };
});
