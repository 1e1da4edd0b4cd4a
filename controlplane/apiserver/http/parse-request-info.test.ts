import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTrue, parseRequestInfo } from "./parse-request-info.ts";

const parse = (method: string, url: string) => {
  const [path = "", query = ""] = url.split("?");
  return parseRequestInfo(method, path, () => new URLSearchParams(query));
};

describe("parseRequestInfo", () => {
  // Columns: method, url, verb, group, version, namespace, resource, subresource, name, parts.
  test.each([
    ["GET", "/api/v1/namespaces", "list", "", "v1", "", "namespaces", "", "", "namespaces"],
    ["GET", "/api/v1/namespaces/other", "get", "", "v1", "other", "namespaces", "", "other", "namespaces other"],
    ["GET", "/api/v1/namespaces/other/pods", "list", "", "v1", "other", "pods", "", "", "pods"],
    ["GET", "/api/v1/namespaces/other/pods/foo", "get", "", "v1", "other", "pods", "", "foo", "pods foo"],
    ["HEAD", "/api/v1/namespaces/other/pods/foo", "get", "", "v1", "other", "pods", "", "foo", "pods foo"],
    ["GET", "/api/v1/pods", "list", "", "v1", "", "pods", "", "", "pods"],
    ["POST", "/api/v1/pods", "create", "", "v1", "", "pods", "", "", "pods"],
    ["GET", "/api/v1/pods?watch=true", "watch", "", "v1", "", "pods", "", "", "pods"],
    ["GET", "/api/v1/pods?watch=1", "watch", "", "v1", "", "pods", "", "", "pods"],
    ["GET", "/api/v1/pods?watch", "watch", "", "v1", "", "pods", "", "", "pods"],
    ["GET", "/api/v1/pods?watch=0", "list", "", "v1", "", "pods", "", "", "pods"],
    ["GET", "/api/v1/pods?watch=False", "list", "", "v1", "", "pods", "", "", "pods"],
    ["GET", "/api/v1/watch/pods", "watch", "", "v1", "", "pods", "", "", "pods"],
    ["GET", "/api/v1/watch/namespaces/other/pods", "watch", "", "v1", "other", "pods", "", "", "pods"],
    ["GET", "/api/v1/proxy/pods/foo", "proxy", "", "v1", "", "pods", "", "foo", "pods foo"],
    ["GET", "/api/v1/proxy/namespaces/o/pods/foo/x", "proxy", "", "v1", "o", "pods", "", "foo", "pods foo x"],
    ["GET", "/api/v1/namespaces/o/pods/foo/status", "get", "", "v1", "o", "pods", "status", "foo", "pods foo status"],
    ["GET", "/api/v1/namespaces/o/pods/f/proxy/a/b", "get", "", "v1", "o", "pods", "proxy", "f", "pods f proxy a b"],
    [
      "PUT",
      "/api/v1/namespaces/o/finalize",
      "update",
      "",
      "v1",
      "o",
      "namespaces",
      "finalize",
      "o",
      "namespaces o finalize",
    ],
    ["PUT", "/api/v1/namespaces/o/status", "update", "", "v1", "o", "namespaces", "status", "o", "namespaces o status"],
    ["PATCH", "/api/v1/namespaces/o/pods/foo", "patch", "", "v1", "o", "pods", "", "foo", "pods foo"],
    ["DELETE", "/api/v1/namespaces/o/pods/foo", "delete", "", "v1", "o", "pods", "", "foo", "pods foo"],
    ["DELETE", "/api/v1/namespaces/o/pods", "deletecollection", "", "v1", "o", "pods", "", "", "pods"],
    ["DELETE", "/api/v1/nodes", "deletecollection", "", "v1", "", "nodes", "", "", "nodes"],
    [
      "GET",
      "/apis/apps/v1/namespaces/o/deployments/d/scale",
      "get",
      "apps",
      "v1",
      "o",
      "deployments",
      "scale",
      "d",
      "deployments d scale",
    ],
    ["GET", "/apis/apps/v1/deployments/", "list", "apps", "v1", "", "deployments", "", "", "deployments"],
    ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Dfoo", "list", "", "v1", "", "pods", "", "foo", "pods"],
    [
      "GET",
      "/api/v1/pods?watch=1&fieldSelector=a%3Db,metadata.name%3D%3Dfoo",
      "watch",
      "",
      "v1",
      "",
      "pods",
      "",
      "foo",
      "pods",
    ],
    ["GET", "/api/v1/pods?fieldSelector=metadata.name!%3Dfoo", "list", "", "v1", "", "pods", "", "", "pods"],
    ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Da%2Fb", "list", "", "v1", "", "pods", "", "", "pods"],
    [
      "GET",
      "/api/v1/clusterroles/system%3Anode",
      "get",
      "",
      "v1",
      "",
      "clusterroles",
      "",
      "system:node",
      "clusterroles system:node",
    ],
    ["TRACE", "/api/v1/pods", "", "", "v1", "", "pods", "", "", "pods"],
  ])("%s %s", (method, url, verb, apiGroup, apiVersion, namespace, resource, subresource, name, parts) => {
    const info = parse(method, url);
    expect(info).toMatchObject({
      isResourceRequest: true,
      verb,
      apiGroup,
      apiVersion,
      namespace,
      resource,
      subresource,
      name,
      parts: parts.split(" "),
    });
  });

  test.each([
    "/",
    "",
    "/healthz",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/apps",
    "/apis/apps/v1",
    "/apis/apps/v1/",
    "/apiserver/v1/pods/x",
    "/openapi/v3/apis/apps/v1",
  ])("%s names no resource", (url) => {
    expect(parse("GET", url)).toMatchObject({ isResourceRequest: false, verb: "get", resource: "" });
  });

  test("refuses a verb prefix with nothing after it and a path that is not UTF-8", () => {
    expect(() => parse("GET", "/api/v1/watch")).toThrow(/unable to determine kind/);
    expect(() => parse("GET", "/api/v1/pods/%ff")).toThrow(/percent-encoded/);
  });

  test("never fails but with a 400, and gives names without slashes, for any path", () => {
    const segment = fc.oneof(
      fc.constantFrom("api", "apis", "v1", "namespaces", "pods", "watch", "proxy", "status", "", "%2F", "%zz", "."),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(
        fc.array(segment, { maxLength: 9 }),
        fc.constantFrom("GET", "POST", "DELETE", "X"),
        (path, method) => {
          try {
            const info = parseRequestInfo(method, `/${path.join("/")}`, () => new URLSearchParams("watch=1"));
            expect(info.name + info.resource + info.subresource + info.namespace).not.toContain("/");
          } catch (error) {
            expect(error).toMatchObject({ code: 400 });
          }
        },
      ),
    );
  });
});

describe("isTrue", () => {
  test.each([
    ["", false],
    ["w", true],
    ["w=", true],
    ["w=true", true],
    ["w=yes", true],
    ["w=0", false],
    ["w=FALSE", false],
  ])("%s is %s", (query, wanted) => {
    expect(isTrue(new URLSearchParams(query), "w")).toBe(wanted);
  });
});
