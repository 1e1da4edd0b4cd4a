/**
 * A whole API server on the memory store, for tests of the parts together: everybody with the token "admin" may do
 * everything, everybody with the token "nobody" nothing.
 */
import { generateKeyPairSync } from "node:crypto";
import { parseBlock } from "#pkg/api/ip-address.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { type Logger, silentLogger } from "#pkg/system/log.ts";
import { systemRandom } from "#pkg/system/random.ts";
import type { Store } from "../../store/store.ts";
import { MemoryStore } from "../../store/testing/memory-store.ts";
import { type ApiServer, type ApiServerParts, startApiServer } from "../api-server.ts";
import { jwtKeyOf } from "../authn/json-web-token.ts";
import { createBuiltInParts } from "../built-in-parts.ts";
import { buildServerVersion } from "../discovery/server-version.ts";
import type { TlsMaterial } from "../http/http-listener.ts";

const serviceBlocks = ["10.96.0.0/12"].flatMap((text) => parseBlock(text) ?? []);

export interface DevServerOptions {
  readonly tls?: TlsMaterial;
  readonly parts?: Partial<ApiServerParts>;
  readonly store?: Store;
  /** Write what every cluster starts from. Default: an empty cluster. */
  readonly bootstrap?: boolean;
  readonly log?: Logger;
}

export async function startDevServer(options: DevServerOptions = {}): Promise<ApiServer & { readonly store: Store }> {
  const store = options.store ?? new MemoryStore({ clock: systemClock });
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const apiAudiences = ["https://kubernetes.default.svc"];
  const issuer = "https://kubernetes.default.svc";
  const builtIns = createBuiltInParts(
    {
      version: "v1.36.0",
      services: { blocks: serviceBlocks, nodePorts: { first: 30_000, last: 32_767 } },
      // Nobody makes the service accounts that this plugin looks for.
      admission: { disabledPlugins: ["ServiceAccount"] },
      bootstrap: !options.bootstrap
        ? undefined
        : {
            serviceCidrs: ["10.96.0.0/12"],
            advertiseAddress: "192.0.2.1",
            serviceIp: "10.96.0.1",
            securePort: 6443,
            clientAuthoritiesPem: options.tls?.certificate ?? "",
            frontProxyAuthorityPem: options.tls?.certificate ?? "",
          },
    },
    { clock: systemClock, random: systemRandom },
  );
  const server = await startApiServer(
    {
      version: buildServerVersion("0.1.0", "linux/amd64"),
      ...(options.tls ? { listen: { host: "127.0.0.1", port: 0, tls: options.tls } } : {}),
      advertisedAddress: "127.0.0.1:6443",
      authentication: {
        clientAuthoritiesPem: options.tls?.certificate ?? "",
        staticTokens: [
          { token: "admin", user: { name: "admin", groups: ["system:masters"] } },
          { token: "nobody", user: { name: "nobody", groups: [] } },
        ],
        bootstrapTokens: false,
        serviceAccounts: { issuers: [issuer], keys: [jwtKeyOf(privateKey)], apiAudiences },
        anonymous: ["/healthz", "/livez", "/readyz"],
      },
      tokens: { issuer, signingKey: privateKey, apiAudiences, extendExpiration: true },
    },
    { store, clock: systemClock, random: systemRandom, log: options.log ?? silentLogger },
    { ...builtIns, ...options.parts },
  );
  return Object.assign(server, { store });
}
