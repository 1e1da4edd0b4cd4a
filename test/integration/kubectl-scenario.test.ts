/** One scenario, driven by every kubectl there is against a real berth-server: what people do first, and its exact effects. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "#test/harness/berth-server.ts";
import { findKubectls, type Kubectl, type KubectlResult, runKubectl } from "#test/harness/kubectl.ts";

const kubectls = await findKubectls();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ flags: ["--no-controllers"] });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const deployment = (name: string, replicas: number, image = "web:1"): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
      - name: web
        image: ${image}
        ports: [{containerPort: 80}]
        resources: {requests: {cpu: 100m, memory: 64Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${name}}
  ports: [{port: 80, targetPort: 80}]
`;

describe.each(kubectls)("kubectl $version", (kubectl: Kubectl) => {
  const namespace = `v${kubectl.version.replace(".", "-")}`;

  async function kube(argv: readonly string[], stdin?: string): Promise<KubectlResult> {
    return runKubectl(kubectl, server.kubeconfig, ["-n", namespace, ...argv], stdin === undefined ? {} : { stdin });
  }
  /** The output of a command that must succeed. */
  async function ok(...argv: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await kube(argv);
    expect(`${exitCode} ${stderr}`).toMatch(/^0 /);
    return stdout;
  }
  async function apply(yaml: string, ...flags: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await kube(["apply", "-f", "-", ...flags], yaml);
    expect(`${exitCode} ${stderr}`).toMatch(/^0 /);
    return stdout;
  }

  test("knows the server and what it serves", async () => {
    expect(await ok("create", "namespace", namespace)).toContain("created");
    expect(JSON.parse(await ok("version", "-o", "json"))).toMatchObject({ serverVersion: { major: "1", minor: "36" } });
    const resources = await ok("api-resources", "-o", "name");
    for (const name of [
      "pods",
      "deployments.apps",
      "networkpolicies.networking.k8s.io",
      "leases.coordination.k8s.io",
    ]) {
      expect(resources.split("\n")).toContain(name);
    }
    expect(await ok("api-versions")).toContain("autoscaling/v2");
    expect(await ok("cluster-info")).toContain("is running at");
  });

  test("applies, changes nothing the second time, and patches what changed", async () => {
    expect(await apply(deployment("web", 2))).toMatch(/deployment.apps\/web created\nservice\/web created/);
    expect(await apply(deployment("web", 2))).toMatch(/deployment.apps\/web unchanged\nservice\/web unchanged/);
    expect(await apply(deployment("web", 3))).toMatch(/deployment.apps\/web configured\nservice\/web unchanged/);
    expect(await ok("get", "deployment", "web", "-o", "jsonpath={.spec.replicas} {.metadata.generation}")).toBe("3 2");
  });

  test("shows the difference before applying, with kubectl's exit codes", async () => {
    const same = await kube(["diff", "-f", "-"], deployment("web", 3));
    expect(same.exitCode).toBe(0);
    const different = await kube(["diff", "-f", "-"], deployment("web", 5));
    expect(different.exitCode).toBe(1);
    expect(different.stdout).toMatch(/\+ {2}replicas: 5/);
  });

  test("applies on the server, reports conflicts, and takes over when forced", async () => {
    expect(await apply(deployment("ssa", 1), "--server-side", "--field-manager=one")).toContain("serverside-applied");
    const conflict = await kube(["apply", "-f", "-", "--server-side", "--field-manager=two"], deployment("ssa", 4));
    expect(conflict.exitCode).not.toBe(0);
    expect(conflict.stderr).toContain('conflict with "one": .spec.replicas');
    expect(await apply(deployment("ssa", 4), "--server-side", "--field-manager=two", "--force-conflicts")).toContain(
      "serverside-applied",
    );
    const managers = await ok(
      "get",
      "deployment",
      "ssa",
      "-o",
      "jsonpath={.metadata.managedFields[*].manager}",
      "--show-managed-fields",
    );
    expect(managers.split(" ").sort()).toEqual(["one", "two"]);
  });

  test("prints in every form", async () => {
    expect(await ok("get", "deployments")).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\n/);
    expect(await ok("get", "deployments", "-o", "wide")).toMatch(/CONTAINERS +IMAGES +SELECTOR/);
    expect(await ok("get", "services", "--no-headers")).toMatch(/web +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP/);
    expect(JSON.parse(await ok("get", "deployment", "web", "-o", "json"))).toMatchObject({
      kind: "Deployment",
      spec: { replicas: 3 },
    });
    expect(await ok("get", "deployment", "web", "-o", "yaml")).toContain("kind: Deployment");
    expect(await ok("get", "deployment,service", "-o", "name")).toContain("service/web");
    expect(await ok("get", "deployment", "-o", "custom-columns=N:.metadata.name,R:.spec.replicas")).toMatch(/web +3/);
    expect(await ok("get", "deployment", "-o", "go-template={{range .items}}{{.metadata.name}} {{end}}")).toBe(
      "ssa web ",
    );
    expect(await ok("get", "all")).toContain("service/web");
    expect(await ok("get", "deployments", "-A")).toContain(namespace);
    expect(await ok("get", "deployments", "--sort-by=.spec.replicas", "-o", "name")).toBe(
      "deployment.apps/web\ndeployment.apps/ssa\n",
    );
    expect(await ok("get", "--raw", `/api/v1/namespaces/${namespace}`)).toContain('"phase":"Active"');
  });

  test("selects by labels and fields", async () => {
    expect(await ok("get", "deployments", "-l", "app=web", "-o", "name")).toBe("deployment.apps/web\n");
    expect(await ok("get", "deployments", "-l", "app in (web,ssa),app!=web", "-o", "name")).toBe(
      "deployment.apps/ssa\n",
    );
    expect(await ok("get", "namespaces", "--field-selector", `metadata.name=${namespace}`, "-o", "name")).toBe(
      `namespace/${namespace}\n`,
    );
    const wrong = await kube(["get", "pods", "--field-selector", "spec.nonsense=1"]);
    expect(wrong.stderr).toMatch(/field label not supported: spec.nonsense/);
  });

  test("labels, annotates, edits by patch, sets and scales", async () => {
    expect(await ok("label", "deployment", "web", "tier=front")).toContain("labeled");
    expect(await ok("label", "deployment", "web", "tier-")).toContain("unlabeled");
    expect(await ok("annotate", "deployment", "web", "note=hello")).toContain("annotate");
    await ok(
      "patch",
      "deployment",
      "web",
      "-p",
      '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"A","value":"1"}]}]}}}}',
    );
    await ok("patch", "deployment", "web", "--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":7}]');
    await ok("patch", "deployment", "web", "--type=merge", "-p", '{"metadata":{"annotations":{"note":null}}}');
    await ok("set", "image", "deployment/web", "web=web:2");
    await ok("scale", "deployment", "web", "--replicas=4");
    const shown = await ok(
      "get",
      "deployment",
      "web",
      "-o",
      "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[0].name} {.metadata.annotations.note}",
    );
    expect(shown).toBe("4 web:2 A ");
  });

  test("explains fields", async () => {
    const explained = await ok("explain", "deployment.spec.strategy.rollingUpdate");
    expect(explained).toMatch(/maxSurge\s+<IntOrString>/);
    expect(await ok("explain", "pod.spec.containers", "--recursive")).toMatch(/livenessProbe\s+<Probe>/);
  });

  test("creates configmaps, secrets, service accounts and tokens", async () => {
    await ok("create", "configmap", "c", "--from-literal=a=1", "--from-literal=b=2");
    expect(await ok("get", "configmap", "c")).toMatch(/c +2 +/);
    await ok("create", "secret", "generic", "s", "--from-literal=password=hunter2");
    expect(await ok("get", "secret", "s", "-o", "jsonpath={.data.password}")).toBe(
      Buffer.from("hunter2").toString("base64"),
    );
    await ok("create", "serviceaccount", "robot");
    const token = await ok("create", "token", "robot", "--duration=20m");
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
      sub: string;
      exp: number;
      iat: number;
    };
    expect(claims.sub).toBe(`system:serviceaccount:${namespace}:robot`);
    expect(claims.exp - claims.iat).toBe(1200);
  });

  test("answers who may do what, and holds to it", async () => {
    expect(await ok("auth", "can-i", "delete", "nodes")).toBe("yes\n");
    const as = ["--as", `system:serviceaccount:${namespace}:robot`];
    expect((await kube(["auth", "can-i", "list", "pods", ...as])).stdout).toBe("no\n");
    await ok("create", "role", "reader", "--verb=get,list", "--resource=pods");
    await ok("create", "rolebinding", "reader", "--role=reader", `--serviceaccount=${namespace}:robot`);
    expect((await kube(["auth", "can-i", "list", "pods", ...as])).stdout).toBe("yes\n");
    expect((await kube(["get", "pods", ...as])).exitCode).toBe(0);
    const refused = await kube(["get", "secrets", ...as]);
    expect(refused.stderr).toContain(
      `secrets is forbidden: User "system:serviceaccount:${namespace}:robot" cannot list resource "secrets" in API group "" in the namespace "${namespace}"`,
    );
  });

  test("waits, and watches as things change", async () => {
    const watching = runKubectl(kubectl, server.kubeconfig, [
      "-n",
      namespace,
      "get",
      "configmap",
      "-w",
      "-o",
      "name",
      "--request-timeout=3s",
    ]);
    const waiting = kube(["wait", "--for=delete", "configmap/short-lived", "--timeout=20s"]);
    await ok("create", "configmap", "short-lived");
    await ok("delete", "configmap", "short-lived");
    expect((await waiting).exitCode).toBe(0);
    expect((await watching).stdout).toContain("configmap/c");
    expect(await ok("wait", "--for=jsonpath={.spec.replicas}=4", "deployment/web", "--timeout=5s")).toContain(
      "condition met",
    );
  });

  test("refuses what is wrong and says which field", async () => {
    const wrong = await kube(["apply", "-f", "-"], deployment("bad", 1).replace("replicas: 1", "replica: 1"));
    expect(wrong.stderr).toMatch(/unknown field "spec.replica"/);
    const invalid = await kube(["create", "-f", "-"], deployment("bad", -1));
    expect(invalid.stderr).toContain("spec.replicas: Invalid value: -1: must be greater than or equal to 0");
    const missing = await kube(["get", "configmap", "nowhere"]);
    expect(missing.stderr).toContain('Error from server (NotFound): configmaps "nowhere" not found');
    const twice = await kube(["create", "configmap", "c"]);
    expect(twice.stderr).toContain('configmaps "c" already exists');
  });

  test("replaces, and runs dry on either side", async () => {
    expect((await kube(["replace", "-f", "-"], deployment("ssa", 2))).stdout).toContain("deployment.apps/ssa replaced");
    expect(await apply(deployment("dry", 1), "--dry-run=server")).toContain("created (server dry run)");
    expect((await kube(["get", "deployment", "dry"])).exitCode).toBe(1);
    expect(await ok("create", "deployment", "dry", "--image=x", "--dry-run=client", "-o", "yaml")).toContain(
      "name: dry",
    );
  });

  test("describes", async () => {
    expect(await ok("describe", "deployment", "web")).toMatch(/Replicas: +4 desired/);
    expect(await ok("describe", "service", "web")).toMatch(/IP: +10\.96\./);
  });

  test("deletes, with each way of treating what depends on it", async () => {
    for (const cascade of ["background", "orphan"]) {
      await ok("create", "configmap", "gone");
      expect(await ok("delete", "configmap", "gone", `--cascade=${cascade}`, "--wait=false")).toContain("deleted");
    }
    expect(await ok("delete", "deployment", "ssa", "--cascade=foreground", "--wait=false")).toContain("deleted");
    expect(await ok("get", "deployment", "ssa", "-o", "jsonpath={.metadata.finalizers}")).toBe(
      '["foregroundDeletion"]',
    );
    expect(await ok("delete", "service,configmap", "--all")).toContain("deleted");
  });
});
