import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { resources } from "#pkg/api/schema/resources.ts";
import { groupServed } from "../discovery/discovery-documents.ts";
import type { ApiRequest, ApiResponse, RequestContext } from "../http/api-request.ts";
import { openApiPaths } from "./openapi-handler.ts";

const find = openApiPaths({ generation: 1, groups: () => groupServed(resources) }, "v1.36.0");

async function get(path: string, headers: Record<string, string> = {}): Promise<ApiResponse> {
  const url = new URL(path, "https://server");
  const handler = find(url.pathname);
  if (!handler) throw new Error(`no handler for ${path}`);
  const request: Partial<ApiRequest> = { method: "GET", path: url.pathname, query: url.searchParams, headers };
  return handler(request as ApiRequest, {} as RequestContext);
}

const bodyOf = (response: ApiResponse) => JSON.parse(Buffer.from(response.body as Uint8Array).toString()) as object;
const group = "/openapi/v3/apis/apps/v1";

async function groupUrl(): Promise<string> {
  const index = bodyOf(await get("/openapi/v3")) as { paths: Record<string, { serverRelativeURL: string }> };
  return index.paths["apis/apps/v1"]!.serverRelativeURL;
}

describe("openApiPaths", () => {
  test.each(["/openapi", "/openapi/v3/", "/openapi/v3/apis/apps/v9", "/openapi/v4", "/api"])(
    "%s is not OpenAPI's",
    (path) => {
      expect(find(path)).toBeUndefined();
    },
  );

  test("a document asked for by its hash may be kept for ever", async () => {
    const response = await get(await groupUrl());
    expect(response.status).toBe(200);
    expect(response.headers["cache-control"]).toContain("immutable");
    expect(bodyOf(response)).toMatchObject({ openapi: "3.0.0" });
  });

  test("a document asked for by an old hash is somewhere else", async () => {
    const response = await get(`${group}?hash=OLD`);
    expect(response.status).toBe(301);
    expect(response.headers["location"]).toBe(await groupUrl());
  });

  test("without a hash it has to be asked for again, at the price of a 304", async () => {
    const first = await get(group);
    expect(first.headers["cache-control"]).toBe("no-cache, private");
    const etag = String(first.headers["etag"]);
    expect((await get(group, { "if-none-match": `"x", W/${etag}` })).status).toBe(304);
    expect((await get(group, { "if-none-match": '"x"' })).status).toBe(200);
  });

  test.each([
    ["gzip", true],
    ["deflate, gzip;q=0.5", true],
    ["gzip;q=0", false],
    ["identity", false],
    [undefined, false],
  ])("accept-encoding %s: packed %s", async (accepted, isPacked) => {
    const response = await get(group, accepted === undefined ? {} : { "accept-encoding": accepted });
    expect(response.headers["content-encoding"]).toBe(isPacked ? "gzip" : undefined);
    const bytes = response.body as Uint8Array;
    expect(JSON.parse((isPacked ? gunzipSync(bytes) : Buffer.from(bytes)).toString())).toMatchObject({
      openapi: "3.0.0",
    });
  });

  const protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
  test.each([
    [undefined, "application/json"],
    ["*/*", "application/json"],
    ["application/json, */*", "application/json"],
    ["application/com.github.proto-openapi.spec.v2@v1.0+protobuf", protobuf],
    [`${protobuf};q=0.9, application/json`, protobuf],
    ["text/html, application/json;q=0.5", "application/json"],
  ])("/openapi/v2 with accept %s is %s", async (accept, contentType) => {
    const response = await get("/openapi/v2", accept === undefined ? {} : { accept });
    expect(response.headers["content-type"]).toBe(contentType);
  });

  test.each(["/openapi/v2", "/openapi/v3", group])("%s cannot be had as HTML", async (path) => {
    await expect(get(path, { accept: "text/html" })).rejects.toMatchObject({ code: 406 });
  });
});
