import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "#pkg/system/clock.ts";
import type { ApiServer } from "../api-server.ts";
import type { ObjectReader, ObjectWriter } from "../registry/resource-registry.ts";
import { startDevServer } from "../testing/dev-server.ts";
import { desiredObjects, ensureBootstrapObjects } from "./ensure-bootstrap-objects.ts";

const options = {
  serviceCidrs: ["10.96.0.0/16"],
  serviceIp: "10.96.0.1",
  advertiseAddress: "192.0.2.1",
  securePort: 6443,
  clientAuthoritiesPem: "A",
  frontProxyAuthorityPem: "B",
};

let server: ApiServer;
let written: string[];

beforeAll(async () => {
  written = [];
  const bootstrap = async (ports: { readonly reader: ObjectReader; readonly writer: ObjectWriter }) => {
    for (const { group, resource } of desiredObjects(options)) {
      ports.reader.onChange(group, resource, (next) => written.push(`${resource} ${next?.metadata.name}`));
    }
    await ensureBootstrapObjects(options, { ...ports, clock: systemClock });
  };
  server = await startDevServer({ parts: { bootstrap } });
  await server.ready;
});
afterAll(() => server[Symbol.asyncDispose]());

describe("ensureBootstrapObjects on a whole server", () => {
  test("passes the validation of every kind", () => {
    for (const { group, resource, object } of desiredObjects(options)) {
      const { namespace = "", name = "" } = object.metadata;
      expect(server.reader.get(group, resource, namespace, name), `${resource} ${name}`).toBeDefined();
    }
  });

  test("writes nothing again over what defaults and strategies made of it", async () => {
    written.length = 0;
    await ensureBootstrapObjects(options, { reader: server.reader, writer: server.writer, clock: systemClock });
    expect(written).toEqual([]);
  });
});
