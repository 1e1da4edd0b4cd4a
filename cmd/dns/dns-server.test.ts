import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect } from "node:net";
import { decode, encode, type Packet } from "dns-packet";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "#pkg/system/clock.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { type DnsServer, startDnsServer } from "./dns-server.ts";
import { createForwarder, parseNameservers, withLength } from "./forwarder.ts";
import { ServiceDirectory } from "./service-directory.ts";

let directory: ServiceDirectory;
let upstreamQueries: number;
let hasSynced: boolean;
let server: DnsServer;
const cleanups: (() => unknown)[] = [];

/** An upstream server that says 192.0.2.1 to everything, and NXDOMAIN to names with "gone". */
async function startUpstream(): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (message, client) => {
    upstreamQueries++;
    const { id, questions } = decode(message);
    const name = questions?.[0]?.name ?? "";
    const gone = name.includes("gone");
    const answers = gone ? [] : [{ type: "A" as const, name, ttl: 60, data: "192.0.2.1" }];
    socket.send(
      encode({ type: "response", id: id ?? 0, flags: 0x8180 | (gone ? 3 : 0), questions: questions ?? [], answers }),
      client.port,
      client.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  cleanups.push(() => socket.close());
  return socket.address().port;
}

beforeEach(async () => {
  [upstreamQueries, hasSynced, directory] = [0, true, new ServiceDirectory()];
  directory.setNamespace("shop");
  directory.setService({ metadata: { namespace: "shop", name: "web" }, spec: { clusterIP: "10.96.0.5" } });
  directory.setService({
    metadata: { namespace: "shop", name: "ext" },
    spec: { type: "ExternalName", externalName: "example.com" },
  });
  directory.setService({ metadata: { namespace: "shop", name: "many" }, spec: { clusterIP: "None" } });
  directory.setSlice({
    metadata: { namespace: "shop", name: "many-1", labels: { "kubernetes.io/service-name": "many" } },
    addressType: "IPv4",
    endpoints: Array.from({ length: 100 }, (_, index) => ({ addresses: [`10.1.0.${index}`] })),
    ports: [],
  });
  const forwarder = createForwarder({
    servers: [{ address: "127.0.0.1", port: await startUpstream() }],
    clock: systemClock,
    random: new SeededRandom(),
  });
  server = await startDnsServer({
    addresses: ["127.0.0.1"],
    port: 0,
    domain: "cluster.local",
    ttlSeconds: 5,
    directory,
    hasSynced: () => hasSynced,
    forwarder,
    log: silentLogger,
  });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function resolver(): Resolver {
  const one = new Resolver({ timeout: 2000, tries: 1 });
  one.setServers([`127.0.0.1:${server.port}`]);
  return one;
}

function askUdp(message: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.on("message", (answer) => {
      socket.close();
      resolve(answer);
    });
    socket.send(message, server.port, "127.0.0.1");
  });
}

const query = (name: string, additionals: Packet["additionals"] = []): Buffer =>
  encode({ type: "query", id: 7, flags: 0x0100, questions: [{ name, type: "A" }], additionals: additionals ?? [] });

describe("startDnsServer", () => {
  test("a real resolver gets cluster names from the directory and others from upstream", async () => {
    expect(await resolver().resolve4("web.shop.svc.cluster.local")).toEqual(["10.96.0.5"]);
    expect(upstreamQueries).toBe(0);
    expect(await resolver().resolve4("example.com")).toEqual(["192.0.2.1"]);
    await expect(resolver().resolve4("nope.shop.svc.cluster.local")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(resolver().resolve4("gone.example.com")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  test("a name without records of the type is not a missing name, and both carry the zone's SOA", async () => {
    await expect(resolver().resolve6("web.shop.svc.cluster.local")).rejects.toMatchObject({ code: "ENODATA" });
    const answer = decode(await askUdp(query("nope.shop.svc.cluster.local")));
    expect(answer.authorities?.[0]).toMatchObject({ type: "SOA", name: "cluster.local" });
  });

  test("an external name comes with what upstream says of it", async () => {
    expect(await resolver().resolve4("ext.shop.svc.cluster.local")).toEqual(["192.0.2.1"]);
  });

  test("equal questions are asked upstream once", async () => {
    await Promise.all(Array.from({ length: 20 }, () => resolver().resolve4("example.com")));
    expect(upstreamQueries).toBe(1);
  });

  test("an answer too large for UDP is truncated, and whole over TCP", async () => {
    const udp = decode(await askUdp(query("many.shop.svc.cluster.local")));
    expect([udp.flag_tc, udp.answers?.length]).toEqual([true, 0]);
    expect(await resolver().resolve4("many.shop.svc.cluster.local")).toHaveLength(100);
  });

  test("several questions on one TCP connection are each answered", async () => {
    const socket = connect(server.port, "127.0.0.1");
    const both = Buffer.concat([
      withLength(query("web.shop.svc.cluster.local")),
      withLength(query("nope.shop.svc.cluster.local")),
    ]);
    for (const byte of both) socket.write(Buffer.from([byte]));
    let got = Buffer.alloc(0);
    const codes: number[] = [];
    for await (const chunk of socket) {
      got = Buffer.concat([got, chunk as Buffer]);
      while (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0)) {
        codes.push(got.readUInt16BE(4) & 0xf);
        got = got.subarray(2 + got.readUInt16BE(0));
      }
      if (codes.length === 2) break;
    }
    expect(codes.sort()).toEqual([0, 3]);
  });

  test("before the directory has synced, cluster names are a server failure and others still work", async () => {
    hasSynced = false;
    await expect(resolver().resolve4("web.shop.svc.cluster.local")).rejects.toMatchObject({ code: "ESERVFAIL" });
    expect(await resolver().resolve4("example.com")).toEqual(["192.0.2.1"]);
  });

  test("garbage gets a format error or nothing, and the server goes on", async () => {
    const garbage = Buffer.from("00070100000100000000000041", "hex");
    expect((await askUdp(garbage)).readUInt16BE(2) & 0xf).toBe(1);
    expect(await resolver().resolve4("web.shop.svc.cluster.local")).toEqual(["10.96.0.5"]);
  });

  test("EDNS0 is answered with EDNS0", async () => {
    const option = { type: "OPT", name: ".", udpPayloadSize: 4096, flags: 0, options: [] } as unknown as NonNullable<
      Packet["additionals"]
    >[number];
    const answer = decode(await askUdp(query("web.shop.svc.cluster.local", [option])));
    expect(answer.additionals?.map(({ type }) => type)).toEqual(["OPT"]);
  });
});

describe("parseNameservers", () => {
  test("reads the lines that name servers", () => {
    expect(parseNameservers("# x\nnameserver 1.1.1.1\nsearch a\n nameserver ::1 # y\n")).toEqual(["1.1.1.1", "::1"]);
  });
});
