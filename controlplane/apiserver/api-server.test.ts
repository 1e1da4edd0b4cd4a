import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiServer } from "./api-server.ts";
import { makeTestCertificate, type TestCertificate } from "./http/testing/test-certificate.ts";
import { startDevServer } from "./testing/dev-server.ts";
import { TestClient } from "./testing/test-client.ts";

let tls: TestCertificate;
let server: ApiServer;
let client: TestClient;

beforeAll(async () => {
  tls = await makeTestCertificate();
  server = await startDevServer({ tls });
  await server.ready;
  client = new TestClient(server.listener?.port ?? 0, tls.certificate);
  for (const name of ["default", "pages", "watched"]) {
    await ask("POST", "/api/v1/namespaces", { metadata: { name } });
  }
});
afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

const ask: TestClient["ask"] = (...request) => client.ask(...request);

const configMaps = "/api/v1/namespaces/default/configmaps";
const configMap = (name: string, data: Record<string, string> = { a: "b" }) => ({ metadata: { name }, data });

describe("startApiServer", () => {
  test("is ready and tells its version", async () => {
    expect((await ask("GET", "/readyz")).text).toBe("ok");
    expect((await ask("GET", "/version")).json).toMatchObject({ major: "1", minor: "36" });
  });

  test("creates, reads, updates, patches and deletes an object", async () => {
    const created = await ask("POST", configMaps, configMap("life"));
    expect(created.status).toBe(201);
    expect(created.json).toMatchObject({ kind: "ConfigMap", apiVersion: "v1", data: { a: "b" } });
    expect(created.json.metadata).toMatchObject({ name: "life", namespace: "default" });
    expect(created.json.metadata.managedFields[0]).toMatchObject({ manager: "kubectl", operation: "Update" });
    const path = `${configMaps}/life`;
    expect((await ask("GET", path)).json).toEqual(created.json);

    const updated = await ask("PUT", path, { ...created.json, data: { a: "c" } });
    expect(updated.json.data).toEqual({ a: "c" });
    const stale = await ask("PUT", path, { ...created.json, data: { a: "d" } });
    expect([stale.status, stale.json.reason]).toEqual([409, "Conflict"]);

    const merge = { "content-type": "application/merge-patch+json" };
    expect((await ask("PATCH", path, { data: { b: "x" } }, merge)).json.data).toEqual({ a: "c", b: "x" });
    const jsonPatch = { "content-type": "application/json-patch+json" };
    const operations = JSON.stringify([{ op: "remove", path: "/data/a" }]);
    expect((await ask("PATCH", path, operations, jsonPatch)).json.data).toEqual({ b: "x" });
    const strategic = { "content-type": "application/strategic-merge-patch+json" };
    expect((await ask("PATCH", path, { data: { c: "y" } }, strategic)).json.data).toEqual({ b: "x", c: "y" });

    const deleted = await ask("DELETE", path);
    expect(deleted.json).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "life", kind: "configmaps" },
    });
    const gone = await ask("GET", path);
    expect([gone.status, gone.json.message]).toEqual([404, 'configmaps "life" not found']);
  });

  test("applies, with conflicts between managers", async () => {
    const path = `${configMaps}/applied?fieldManager=one`;
    const apply = { "content-type": "application/apply-patch+yaml" };
    const body = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: applied\ndata:\n  a: one\n";
    expect((await ask("PATCH", path, body, apply)).status).toBe(201);
    expect((await ask("PATCH", path, body, apply)).status).toBe(200);
    const other = path.replace("one", "two");
    const conflict = await ask("PATCH", other, body.replace("a: one", "a: two"), apply);
    expect([conflict.status, conflict.json.details.causes[0].reason]).toEqual([409, "FieldManagerConflict"]);
    const forced = await ask("PATCH", `${other}&force=true`, body.replace("a: one", "a: two"), apply);
    expect(forced.json.data).toEqual({ a: "two" });
    const nameless = await ask("PATCH", `${configMaps}/applied`, body, apply);
    expect([nameless.status, nameless.json.details.causes[0].field]).toEqual([422, "fieldManager"]);
  });

  test("lists in pages, in the upstream form", async () => {
    for (const name of ["p1", "p2", "p3"]) {
      await ask("POST", "/api/v1/namespaces/pages/configmaps", configMap(name));
    }
    const first = await ask("GET", "/api/v1/namespaces/pages/configmaps?limit=2");
    expect(first.json).toMatchObject({ kind: "ConfigMapList", apiVersion: "v1", metadata: { remainingItemCount: 1 } });
    expect(first.json.items.map((one: { metadata: { name: string } }) => one.metadata.name)).toEqual(["p1", "p2"]);
    expect(first.json.items[0].kind).toBeUndefined();
    const token = encodeURIComponent(first.json.metadata.continue);
    const rest = await ask("GET", `/api/v1/namespaces/pages/configmaps?limit=2&continue=${token}`);
    expect(rest.json.items.length).toBe(1);
    expect(rest.json.metadata.continue).toBeUndefined();
  });

  test("answers with tables, metadata, YAML, protobuf and indented JSON", async () => {
    await ask("POST", configMaps, configMap("forms"));
    const path = `${configMaps}/forms`;
    const table = await ask("GET", path, undefined, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
    expect(table.json).toMatchObject({
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      columnDefinitions: [{ name: "Name" }, { name: "Data" }, { name: "Age" }],
      rows: [{ cells: ["forms", 1, "0s"], object: { kind: "PartialObjectMetadata", metadata: { name: "forms" } } }],
    });
    const partial = { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" };
    const metadata = await ask("GET", configMaps, undefined, partial);
    expect(metadata.json).toMatchObject({ kind: "PartialObjectMetadataList" });
    expect(metadata.json.items[0].data).toBeUndefined();
    expect((await ask("GET", path, undefined, { accept: "application/yaml" })).text).toMatch(
      /^data:\n {2}a: b\n|^kind: ConfigMap\n/m,
    );
    const protobuf = await ask("GET", configMaps, undefined, { accept: "application/vnd.kubernetes.protobuf" });
    expect(protobuf.headers["content-type"]).toBe("application/vnd.kubernetes.protobuf");
    expect(protobuf.text.startsWith("k8s\0")).toBe(true);
    expect((await ask("GET", `${path}?pretty=1`)).text).toContain('\n  "metadata": {');
  });

  test("watches, with changes as they come", async () => {
    const path = "/api/v1/namespaces/watched/configmaps";
    await ask("POST", path, configMap("before"));
    const stream = client.open("GET", `${path}?watch=1&timeoutSeconds=20`);
    stream.end();
    const lines: string[] = [];
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => lines.push(...text.split("\n").filter((line) => line !== "")));
    await expect.poll(() => lines.length).toBe(1);
    await ask("POST", path, configMap("after"));
    await ask("DELETE", `${path}/before`);
    await expect.poll(() => lines.length).toBe(3);
    const events = lines.map((line) => JSON.parse(line));
    expect(events.map((one) => `${one.type} ${one.object.metadata.name}`)).toEqual([
      "ADDED before",
      "ADDED after",
      "DELETED before",
    ]);
    expect(events[0].object.kind).toBe("ConfigMap");
    stream.close();
  });

  test("takes the old form of a watch", async () => {
    await ask("POST", configMaps, configMap("old"));
    await ask("POST", configMaps, configMap("older"));
    const answer = await ask("GET", "/api/v1/watch/namespaces/default/configmaps/old?timeoutSeconds=1");
    const lines = answer.text.split("\n").filter((line) => line !== "");
    expect(lines.map((line) => JSON.parse(line).object.metadata.name)).toEqual(["old"]);
  });

  test("ends a watch in its time", async () => {
    const answer = await ask("GET", `${configMaps}?watch=1&timeoutSeconds=1&resourceVersion=0&labelSelector=no%3Done`);
    expect([answer.status, answer.text]).toEqual([200, ""]);
  });

  test("judges unknown fields as asked", async () => {
    const body = { ...configMap("unknown"), spec: {} };
    const warned = await ask("POST", `${configMaps}?dryRun=All`, body);
    expect([warned.status, warned.headers["warning"]]).toEqual([201, '299 - "unknown field \\"spec\\""']);
    const strict = await ask("POST", `${configMaps}?fieldValidation=Strict`, body);
    expect([strict.status, strict.json.reason]).toEqual([400, "BadRequest"]);
    expect(strict.json.message).toContain('strict decoding error: unknown field "spec"');
    expect((await ask("GET", `${configMaps}/unknown`)).status).toBe(404);
  });

  test.each([
    ["POST", configMaps, "{", {}, 400, /json parse error/],
    ["POST", configMaps, "", {}, 400, /<empty>/],
    ["POST", configMaps, '{"kind":"Secret","apiVersion":"v1"}', {}, 400, /cannot be handled as a ConfigMap/],
    ["POST", configMaps, '{"kind":"ConfigMap","apiVersion":"v2"}', {}, 400, /does not match the expected API version/],
    ["POST", configMaps, '{"metadata":{"name":"Bad_Name"}}', {}, 422, /metadata.name/],
    ["POST", configMaps, '{"data":{"a":1}}', {}, 400, /data of type string|cannot unmarshal number/],
    ["POST", configMaps, "k8s", { "content-type": "application/vnd.kubernetes.protobuf" }, 400, /protobuf/],
    [
      "POST",
      configMaps,
      "x",
      { "content-type": "application/cbor" },
      415,
      /accepted media types include: application\/json/,
    ],
    ["POST", `${configMaps}?dryRun=Some`, "{}", {}, 422, /dryRun/],
    ["POST", `${configMaps}?fieldValidation=Maybe`, "{}", {}, 422, /fieldValidation/],
    ["PATCH", `${configMaps}/x`, "{}", {}, 415, /merge-patch\+json/],
    ["GET", `${configMaps}?limit=many`, undefined, {}, 400, /ParseInt/],
    ["GET", `${configMaps}?labelSelector=%3D%3D`, undefined, {}, 400, /./],
    ["GET", `${configMaps}?fieldSelector=spec.x%3D1`, undefined, {}, 400, /is not a known field selector/],
    ["GET", `${configMaps}?resourceVersionMatch=Exact`, undefined, {}, 422, /forbidden unless resourceVersion/],
    ["GET", configMaps, undefined, { accept: "text/plain" }, 406, /only the following media types/],
    ["GET", "/api/v1/nothing", undefined, {}, 404, /could not find the requested resource/],
    ["GET", "/nothing", undefined, {}, 404, /could not find/],
    ["POST", "/version", "{}", {}, 405, /not allow this method/],
    ["PUT", `${configMaps}/a`, '{"metadata":{"name":"b"}}', {}, 400, /does not match the name on the URL/],
    ["POST", "/api/v1/namespaces/other/configmaps", '{"metadata":{"name":"a","namespace":"x"}}', {}, 400, /namespace/],
  ])("%s %s with %j is refused (%j: %d)", async (method, path, body, headers, code, text) => {
    const answer = await ask(method, path, body, headers as Record<string, string>);
    expect(answer.status).toBe(code);
    expect(answer.json).toMatchObject({ kind: "Status", status: "Failure", code });
    expect(answer.json.message).toMatch(text);
  });

  test("finds keys that a patch gives twice", async () => {
    expect((await ask("POST", configMaps, configMap("twice", { a: "1" }))).status).toBe(201);
    const merge = { "content-type": "application/merge-patch+json" };
    const body = '{"data":{"a":"2","a":"3"}}';
    const strict = await ask("PATCH", `${configMaps}/twice?fieldValidation=Strict`, body, merge);
    expect([strict.status, strict.json.message]).toEqual([422, 'strict decoding error: duplicate field "data.a"']);
    const ignored = await ask("PATCH", `${configMaps}/twice?fieldValidation=Ignore`, body, merge);
    expect([ignored.status, ignored.json.data]).toEqual([200, { a: "3" }]);
  });

  test("refuses a body over 3 MiB", async () => {
    const answer = await ask("POST", configMaps, configMap("huge", { a: "x".repeat(3 * 1024 * 1024) }));
    expect([answer.status, answer.json.reason]).toEqual([413, "RequestEntityTooLarge"]);
  });

  test("knows who asks, and what they may", async () => {
    const nobody = { authorization: "Bearer nobody" };
    const refused = await ask("GET", configMaps, undefined, nobody);
    expect([refused.status, refused.json.message]).toEqual([
      403,
      'configmaps is forbidden: User "nobody" cannot list resource "configmaps" in API group "" in the namespace "default"',
    ]);
    const unknown = await ask("GET", configMaps, undefined, { authorization: "Bearer wrong" });
    expect([unknown.status, unknown.json.message]).toEqual([401, "Unauthorized"]);
    const own = await ask("GET", configMaps, undefined, { authorization: "" });
    expect(own.status).toBe(401);
    expect((await ask("GET", configMaps, undefined, { "impersonate-user": "nobody" })).status).toBe(403);
  });

  test("answers reviews, and only as objects", async () => {
    const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    const review = { spec: { resourceAttributes: { verb: "get", resource: "pods", namespace: "default" } } };
    const answer = await ask("POST", path, review);
    expect([answer.status, answer.json.status.allowed]).toEqual([201, true]);
    const table = await ask("POST", path, review, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
    expect(table.status).toBe(406);
  });

  test("tells how its components are", async () => {
    const { json, headers } = await ask("GET", "/api/v1/componentstatuses");
    expect(headers["warning"]).toBe('299 - "v1 ComponentStatus is deprecated in v1.19+"');
    expect(json.items).toMatchObject([
      { metadata: { name: "etcd-0" }, conditions: [{ type: "Healthy", status: "True" }] },
    ]);
    expect((await ask("GET", "/api/v1/componentstatuses/none")).status).toBe(404);
  });

  test("deletes a collection by labels", async () => {
    const path = "/api/v1/namespaces/pages/configmaps";
    for (const name of ["d1", "d2"]) await ask("POST", path, { metadata: { name, labels: { del: "yes" } } });
    const deleted = await ask("DELETE", `${path}?labelSelector=del%3Dyes`);
    expect([deleted.status, deleted.json.kind, deleted.json.items.length]).toEqual([200, "ConfigMapList", 2]);
    expect((await ask("GET", `${path}?labelSelector=del`)).json.items.length).toBe(0);
  });

  test("says that nodes cannot be reached yet", async () => {
    const answer = await ask("GET", "/api/v1/namespaces/default/pods/p/log");
    expect([answer.status, answer.json.reason]).toEqual([503, "ServiceUnavailable"]);
  });

  test("counts what it does", async () => {
    const { text } = await ask("GET", "/metrics");
    expect(text).toMatch(/apiserver_request_total\{verb="POST",.*resource="configmaps".*code="201"\} [1-9]/);
    expect(text).toMatch(/apiserver_request_duration_seconds_bucket\{verb="LIST".*le="0\.005"\}/);
    expect(text).toMatch(/etcd_request_duration_seconds_count\{operation="create",type="configmaps"\} [1-9]/);
    expect(text).toMatch(/apiserver_storage_objects\{resource="configmaps"\} [1-9]/);
    expect(text).toMatch(/kubernetes_build_info\{major="1",minor="36",.*\} 1/);
    expect(text).toMatch(/apiserver_request_sli_duration_seconds_count\{verb="GET"/);
    expect(text).not.toMatch(/apiserver_request_sli_duration_seconds_count\{verb="WATCH"/);
    expect(text).toMatch(/process_resident_memory_bytes [1-9]/);
  });

  test("serves this process without a socket", async () => {
    await using transport = server.inProcessTransport({ name: "system:kube-scheduler", groups: ["system:masters"] });
    const answer = await transport.request({ method: "GET", path: "/api/v1/configmaps", headers: {} });
    expect(answer.status).toBe(200);
    await using other = server.inProcessTransport({ name: "nobody", groups: [] });
    expect((await other.request({ method: "GET", path: "/api/v1/configmaps", headers: {} })).status).toBe(403);
  });
});
