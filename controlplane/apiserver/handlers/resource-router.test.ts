import { describe, expect, test } from "vitest";
import { resourceFor } from "#pkg/api/schema/resources.ts";
import { parseRequestInfo } from "../http/parse-request-info.ts";
import { ResourceRouter } from "./resource-router.ts";

const handler = async () => ({ status: 200, headers: {} });
const all = {
  get: handler,
  list: handler,
  watch: handler,
  create: handler,
  update: handler,
  deletecollection: handler,
};

function open() {
  const router = new ResourceRouter();
  const pods = { "": all, status: { get: handler }, proxy: { get: handler } };
  router.add({ resource: resourceFor("", "v1", "pods")!, handlers: pods });
  router.add({ resource: resourceFor("", "v1", "nodes")!, handlers: { "": { get: handler, list: handler } } });
  router.add({ resource: resourceFor("", "v1", "namespaces")!, handlers: { "": all, finalize: { update: handler } } });
  return router;
}

function codeOf(router: ResourceRouter, method: string, path: string): number {
  const info = parseRequestInfo(method, path, () => new URLSearchParams());
  try {
    router.route(info);
    return 200;
  } catch (error) {
    return (error as { code: number }).code;
  }
}

describe("ResourceRouter", () => {
  test.each([
    ["GET", "/api/v1/pods", 200],
    ["GET", "/api/v1/namespaces/a/pods/p/status", 200],
    ["GET", "/api/v1/namespaces/a/pods/p/proxy/x/y", 200],
    ["GET", "/api/v1/namespaces/a", 200],
    ["PUT", "/api/v1/namespaces/a/finalize", 200],
    ["GET", "/api/v1/nodes/n", 200],
    ["GET", "/api/v1/others", 404],
    ["GET", "/api/v2/pods", 404],
    ["GET", "/apis/apps/v1/pods", 404],
    ["GET", "/api/v1/namespaces/a/pods/p/else", 404],
    ["GET", "/api/v1/namespaces/a/pods/p/status/more", 404],
    ["GET", "/api/v1/namespaces/a/nodes/n", 404],
    ["GET", "/api/v1//pods", 404],
    ["GET", "/api/v1/namespaces//pods/p/", 405],
    ["PATCH", "/api/v1/namespaces/a/pods/p", 405],
    ["POST", "/api/v1/pods", 405],
    ["DELETE", "/api/v1/pods", 405],
    ["GET", "/api/v1/pods/p", 405],
    ["TRACE", "/api/v1/pods", 405],
  ])("%s %s is answered with %d", (method, path, code) => {
    expect(codeOf(open(), method, path)).toBe(code);
  });

  test("tells discovery what it serves, and that it changed", () => {
    const router = open();
    const before = router.generation;
    expect(router.groups()[0]?.versions[0]?.resources.map((one) => one.plural)).toEqual([
      "pods",
      "nodes",
      "namespaces",
    ]);
    router.remove("", "v1", "nodes");
    expect(router.generation).toBeGreaterThan(before);
    expect(router.groups()[0]?.versions[0]?.resources.length).toBe(2);
    expect(codeOf(router, "GET", "/api/v1/nodes/n")).toBe(404);
  });
});
