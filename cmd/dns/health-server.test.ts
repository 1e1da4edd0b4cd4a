import { describe, expect, test } from "vitest";
import { startHealthServer } from "./health-server.ts";

describe("startHealthServer", () => {
  test("is ready only once the directory is", async () => {
    let isReady = false;
    await using server = await startHealthServer({ port: 0, isReady: () => isReady, metrics: async () => "m 1\n" });
    const ask = async (path: string): Promise<readonly [number, string]> => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
      return [response.status, await response.text()];
    };
    expect(await ask("/health")).toEqual([200, "OK\n"]);
    expect((await ask("/ready"))[0]).toBe(503);
    isReady = true;
    expect((await ask("/ready"))[0]).toBe(200);
    expect(await ask("/metrics")).toEqual([200, "m 1\n"]);
    expect((await ask("/else"))[0]).toBe(404);
  });

  test("names the port that is taken", async () => {
    const ports = { isReady: () => true, metrics: async () => "" };
    await using first = await startHealthServer({ port: 0, ...ports });
    await expect(startHealthServer({ port: first.port, ...ports })).rejects.toThrow(String(first.port));
  });
});
