/** Debian's python3-kubernetes against a real berth-server. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemRunner } from "#pkg/system/exec.ts";
import { startTestServer, type TestServer } from "#test/harness/berth-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ flags: ["--no-controllers"] });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const script = `
import sys, threading
from kubernetes import client, config, watch
config.load_kube_config(sys.argv[1])
core, apps = client.CoreV1Api(), client.AppsV1Api()
core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="python")))
core.create_namespaced_config_map("python", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a"), data={"x": "1"}))
core.patch_namespaced_config_map("a", "python", {"data": {"y": "2"}})
print("data", sorted(core.read_namespaced_config_map("a", "python").data.items()))
pod = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels={"a": "b"}), spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="x")]))
apps.create_namespaced_deployment("python", client.V1Deployment(metadata=client.V1ObjectMeta(name="d"), spec=client.V1DeploymentSpec(replicas=2, selector=client.V1LabelSelector(match_labels={"a": "b"}), template=pod)))
print("scale", apps.read_namespaced_deployment_scale("d", "python").spec.replicas)
listed = core.list_namespaced_config_map("python")
seen = []
w = watch.Watch()
for event in w.stream(core.list_namespaced_config_map, "python", resource_version=listed.metadata.resource_version, timeout_seconds=10):
    pass_on = event["type"], event["object"].metadata.name
    seen.append(pass_on)
    if event["type"] == "DELETED":
        w.stop()
    if len(seen) == 1:
        core.delete_namespaced_config_map("b", "python")
print("seen", seen)
try:
    core.create_namespaced_config_map("python", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="Not A Name")))
except client.exceptions.ApiException as error:
    print("refused", error.status)
`;

describe("python3-kubernetes", () => {
  test("writes, patches, scales, watches, and is told what is wrong", async () => {
    const withWriter = script.replace(
      "seen = []",
      'seen = []\nthreading.Timer(0.5, lambda: core.create_namespaced_config_map("python", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="b")))).start()',
    );
    const { stdout } = await systemRunner.run({
      argv: ["/usr/bin/python3", "-c", withWriter, server.kubeconfig],
      timeoutMs: 60_000,
    });
    expect(stdout.split("\n").slice(0, 4)).toEqual([
      "data [('x', '1'), ('y', '2')]",
      "scale 2",
      "seen [('ADDED', 'b'), ('DELETED', 'b')]",
      "refused 422",
    ]);
  });
});
