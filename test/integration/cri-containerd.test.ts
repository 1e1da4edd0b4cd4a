/** The CRI client on a real containerd. */
import path from "node:path";
import { runtimeSuite } from "#pkg/cri/testing/runtime-suite.ts";
import { startTestContainerd } from "#test/harness/containerd.ts";

runtimeSuite("GrpcRuntimeService on containerd", async () => {
  const containerd = await startTestContainerd();
  return {
    runtime: containerd.cri.runtime,
    images: containerd.cri.images,
    image: containerd.busyboxImage,
    logFolder: path.join(containerd.folder, "logs"),
    cgroupParent: containerd.cgroupParent,
    [Symbol.asyncDispose]: () => containerd[Symbol.asyncDispose](),
  };
});
