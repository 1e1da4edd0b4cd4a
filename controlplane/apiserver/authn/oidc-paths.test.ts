import { describe, expect, test } from "vitest";
import type { ApiRequest, RequestContext } from "../http/api-request.ts";
import { oidcPaths } from "./oidc-paths.ts";

const documents = { configuration: '{"issuer":"https://k"}', keySet: '{"keys":[]}' };
const ask = (path: string, method = "GET") =>
  oidcPaths(documents)(path)?.({ method } as ApiRequest, {} as RequestContext);

describe("oidcPaths", () => {
  test.each([
    ["/.well-known/openid-configuration", "application/json", documents.configuration],
    ["/openid/v1/jwks", "application/jwk-set+json", documents.keySet],
    ["/openid/v1/jwks/", "application/jwk-set+json", documents.keySet],
  ])("serves %s, to be kept for an hour", async (path, type, body) => {
    const headers = { "content-type": type, "cache-control": "public, max-age=3600" };
    expect(await ask(path)).toEqual({ status: 200, headers, body });
  });

  test("knows no other paths, and none at all without documents", () => {
    for (const path of ["/", "/openid/v1", "/.well-known/openid-configuration/x"]) expect(ask(path)).toBeUndefined();
    expect(oidcPaths(undefined)("/openid/v1/jwks")).toBeUndefined();
  });

  test("answers 405 to writes", async () => {
    await expect(ask("/openid/v1/jwks", "POST")).rejects.toMatchObject({ code: 405 });
  });
});
