import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resources } from "#pkg/api/schema/resources.ts";
import type { ApiServer } from "./api-server.ts";
import type { ApiResponse } from "./http/api-request.ts";
import { isStreamBody } from "./http/response-writer.ts";
import { ServerRequest } from "./http/server-request.ts";
import { startDevServer } from "./testing/dev-server.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startDevServer({ bootstrap: true });
  await server.ready;
});
afterAll(() => server[Symbol.asyncDispose]());

interface FuzzRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

async function send(request: FuzzRequest): Promise<ApiResponse> {
  const own = new ServerRequest({
    ...request,
    remoteAddress: "127.0.0.1",
    trustedUser: { name: "fuzz", groups: ["system:masters"] },
    body: () => request.body,
  });
  const response = await server.handle(own);
  if (isStreamBody(response.body)) {
    own.abort(new Error("enough"));
    await response.body.stream({ write: () => true, drained: async () => undefined, pendingBytes: 0 }, own.signal);
  }
  return response;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const method = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "");
const resource = fc.constantFrom(...resources);
const name = fc.oneof(fc.constantFrom("a", "b", "kubernetes", "default"), fc.string({ maxLength: 6 }));

/** Paths of what is served, with odd names and ends. */
const target = fc
  .record({ resource, name, sub: name, depth: fc.integer({ min: 0, max: 4 }), inNamespace: fc.boolean() })
  .map(({ resource: { group, version, plural, subresources }, name: own, sub, depth, inNamespace }) => {
    const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
    const place = inNamespace ? `${root}/namespaces/default` : root;
    const parts = [plural, own, subresources[0]?.name ?? sub, sub].slice(0, depth);
    return [place, ...parts.map(encodeURIComponent)].join("/");
  });

const parameter = fc.constantFrom(
  "watch",
  "limit",
  "continue",
  "resourceVersion",
  "resourceVersionMatch",
  "labelSelector",
  "fieldSelector",
  "dryRun",
  "fieldManager",
  "fieldValidation",
  "force",
  "timeoutSeconds",
  "timeout",
  "pretty",
  "sendInitialEvents",
  "allowWatchBookmarks",
  "gracePeriodSeconds",
  "propagationPolicy",
  "orphanDependents",
  "includeObject",
);
const value = fc.oneof(
  fc.constantFrom("", "0", "1", "-1", "true", "All", "Strict", "NotOlderThan", "Exact", "a=b", "metadata.name=a", "1s"),
  fc.string({ maxLength: 10 }),
);
const query = fc
  .array(fc.tuple(parameter, value), { maxLength: 4 })
  .map((pairs) => new URLSearchParams(pairs).toString());

const headers = fc.record(
  {
    "content-type": fc.constantFrom(
      "application/json",
      "application/yaml",
      "application/vnd.kubernetes.protobuf",
      "application/json-patch+json",
      "application/merge-patch+json",
      "application/strategic-merge-patch+json",
      "application/apply-patch+yaml",
      "text/plain",
    ),
    accept: fc.constantFrom(
      "application/json",
      "application/yaml",
      "application/vnd.kubernetes.protobuf",
      "*/*",
      "text/html",
      "application/json;as=Table;v=v1;g=meta.k8s.io",
      "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    ),
    "user-agent": fc.constantFrom("curl/8", "kubectl/v1.36", ""),
  },
  { requiredKeys: [] },
);

/** Objects that look like ours, with anything in the places people write. */
const anything = fc.jsonValue({ maxDepth: 3 });
const object = fc.record(
  {
    apiVersion: fc.constantFrom("v1", "apps/v1", "x"),
    kind: fc.constantFrom("Pod", "ConfigMap", "Deployment", "Status"),
    metadata: fc.oneof(
      anything,
      fc.record(
        {
          name,
          labels: anything,
          annotations: anything,
          finalizers: anything,
          ownerReferences: anything,
          managedFields: anything,
        },
        { requiredKeys: [] },
      ),
    ),
    spec: anything,
    status: anything,
    data: anything,
    target: anything,
  },
  { requiredKeys: [] },
);
const patch = fc.array(
  fc.record({
    op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test", "x"),
    path: fc.oneof(
      fc.constantFrom("", "/", "/metadata/labels/a", "/spec", "/metadata", "/__proto__/x", "/data/-"),
      fc.string(),
    ),
    from: fc.constantFrom("/metadata", "/spec", "/none"),
    value: anything,
  }),
  { maxLength: 4 },
);
const body = fc.oneof(
  { weight: 5, arbitrary: object.map((one) => bytesOf(JSON.stringify(one))) },
  { weight: 2, arbitrary: patch.map((one) => bytesOf(JSON.stringify(one))) },
  { weight: 1, arbitrary: anything.map((one) => bytesOf(JSON.stringify(one) ?? "")) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.concat([Buffer.from("k8s\0"), bytes])),
  },
);

const request: fc.Arbitrary<FuzzRequest> = fc
  .record({ method, target, query, headers, body })
  .map(({ query: text, target: path, ...rest }) => ({ ...rest, target: text ? `${path}?${text}` : path }));

/** Objects that are right but for one place. */
const podSpec = {
  containers: [
    {
      name: "c",
      image: "i",
      ports: [{ containerPort: 80 }],
      env: [{ name: "E", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
      resources: { requests: { cpu: "1", memory: "1Gi" } },
      livenessProbe: { httpGet: { port: 80, path: "/" } },
      volumeMounts: [{ name: "v", mountPath: "/v" }],
      securityContext: { runAsUser: 1, capabilities: { add: ["X"] } },
    },
  ],
  volumes: [{ name: "v", projected: { sources: [{ configMap: { name: "x", items: [{ key: "k", path: "p" }] } }] } }],
  tolerations: [{ key: "k", operator: "Exists" }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: "k", operator: "In", values: ["v"] }] }],
      },
    },
  },
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "k", whenUnsatisfiable: "DoNotSchedule" }],
};
const template = { metadata: { labels: { a: "b" } }, spec: podSpec };
const selector = { matchLabels: { a: "b" } };
const rule = {
  host: "h.example",
  http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "s", port: { number: 80 } } } }] },
};
const samples: readonly (readonly [string, object])[] = [
  ["/api/v1/namespaces/default/pods", { spec: podSpec }],
  [
    "/api/v1/namespaces/default/services",
    { spec: { ports: [{ port: 80, nodePort: 30_000 }], selector: { a: "b" }, type: "NodePort" } },
  ],
  ["/api/v1/namespaces/default/secrets", { data: { a: "YQ==" }, stringData: { b: "b" }, type: "Opaque" }],
  [
    "/api/v1/namespaces/default/limitranges",
    { spec: { limits: [{ type: "Container", max: { cpu: "1" }, min: { cpu: "1m" } }] } },
  ],
  ["/api/v1/namespaces/default/resourcequotas", { spec: { hard: { pods: "1" }, scopes: ["BestEffort"] } }],
  [
    "/api/v1/namespaces/default/persistentvolumeclaims",
    { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
  ],
  ["/api/v1/nodes", { spec: { taints: [{ key: "k", effect: "NoSchedule" }], podCIDRs: ["10.0.0.0/24"] } }],
  [
    "/apis/apps/v1/namespaces/default/deployments",
    { spec: { replicas: 1, selector, template, strategy: { rollingUpdate: { maxSurge: "25%" } } } },
  ],
  ["/apis/apps/v1/namespaces/default/statefulsets", { spec: { replicas: 1, selector, template, serviceName: "s" } }],
  ["/apis/apps/v1/namespaces/default/daemonsets", { spec: { selector, template } }],
  [
    "/apis/batch/v1/namespaces/default/jobs",
    { spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } }, completions: 1 } },
  ],
  [
    "/apis/batch/v1/namespaces/default/cronjobs",
    { spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } } },
  ],
  [
    "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
    { spec: { rules: [rule], tls: [{ hosts: ["h"], secretName: "s" }] } },
  ],
  [
    "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
    {
      spec: {
        podSelector: selector,
        ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }], ports: [{ port: 80 }] }],
      },
    },
  ],
  [
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] },
  ],
  [
    "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
    {
      roleRef: { kind: "Role", name: "r", apiGroup: "rbac.authorization.k8s.io" },
      subjects: [{ kind: "User", name: "u" }],
    },
  ],
  ["/apis/policy/v1/namespaces/default/poddisruptionbudgets", { spec: { minAvailable: "50%", selector } }],
  [
    "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
    {
      spec: {
        maxReplicas: 2,
        scaleTargetRef: { kind: "Deployment", name: "w" },
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 1 } } },
        ],
      },
    },
  ],
  [
    "/apis/coordination.k8s.io/v1/namespaces/default/leases",
    { spec: { holderIdentity: "h", leaseDurationSeconds: 1, renewTime: "2026-01-01T00:00:00.000000Z" } },
  ],
  [
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
    { addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"] }], ports: [{ port: 80 }] },
  ],
  ["/apis/storage.k8s.io/v1/storageclasses", { provisioner: "p", parameters: { a: "b" } }],
  [
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    {
      webhooks: [
        { name: "w.x.y", clientConfig: { url: "https://h/" }, sideEffects: "None", admissionReviewVersions: ["v1"] },
      ],
    },
  ],
];

/** Every place in a value, as a path of keys. */
function placesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, one]) => placesOf(one, [...path, key]))];
}

function withChange(value: unknown, [key, ...rest]: readonly string[], change: unknown): unknown {
  if (key === undefined) return change;
  if (Array.isArray(value)) return value.map((one, at) => (String(at) === key ? withChange(one, rest, change) : one));
  const struct = value as Record<string, unknown>;
  return { ...struct, [key]: withChange(struct[key], rest, change) };
}

const change = fc.oneof(
  anything,
  fc.constantFrom(null, {}, [], "", 0, -1, 1.5, "-1", "1e400", 1e300, true, "a/b", "x".repeat(300), [null], [{}], {
    a: null,
  }),
);
const almostRight: fc.Arbitrary<FuzzRequest> = fc
  .record({
    sample: fc.constantFrom(...samples),
    seed: fc.nat(),
    change,
    verb: fc.constantFrom("create", "apply", "merge", "dry"),
  })
  .map(({ sample: [path, content], seed, change: changed, verb }) => {
    const places = placesOf(content);
    const wrong = withChange(content, places[seed % places.length] ?? [], changed) as object;
    const own = { ...(verb === "merge" ? {} : { metadata: { name: "almost" } }), ...wrong };
    if (verb === "create" || verb === "dry") {
      return {
        method: "POST",
        target: verb === "dry" ? `${path}?dryRun=All` : path,
        headers: {},
        body: bytesOf(JSON.stringify(own)),
      };
    }
    const type = verb === "apply" ? "application/apply-patch+yaml" : "application/strategic-merge-patch+json";
    const headers: Readonly<Record<string, string>> = { "content-type": type };
    return {
      method: "PATCH",
      target: `${path}/almost?fieldManager=f&force=true`.replace(verb === "merge" ? "&force=true" : "\n", ""),
      headers,
      body: bytesOf(JSON.stringify(own)),
    };
  });

function isExpected(one: FuzzRequest, response: ApiResponse): boolean {
  if (response.status >= 200 && response.status < 500) return true;
  const isConnection = /\/(log|exec|attach|portforward|proxy)\b/.test(one.target);
  return response.status === 504 || (response.status === 503 && isConnection);
}

describe("the API server", () => {
  test.each([
    ["any request", request],
    ["objects that are wrong in one place", almostRight],
  ])("has an answer for %s, and never an internal error", { timeout: 60_000 }, async (_title, requests) => {
    await fc.assert(
      fc.asyncProperty(requests, async (one) => {
        const response = await send(one);
        expect(isExpected(one, response), String(response.body)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect((await send({ method: "GET", target: "/readyz", headers: {}, body: new Uint8Array() })).body).toBe("ok");
  });
});
