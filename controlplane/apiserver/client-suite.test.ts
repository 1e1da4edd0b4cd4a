/** The client's suite on the whole API server: over HTTP/2 and TLS, and within the process. */

import { fixedToken } from "#pkg/kube/bearer-token.ts";
import { createKubeClient } from "#pkg/kube/client.ts";
import { HttpsTransport } from "#pkg/kube/https-transport.ts";
import { kubeClientSuite } from "#pkg/kube/testing/client-suite.ts";
import type { Transport } from "#pkg/kube/transport.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { systemRandom } from "#pkg/system/random.ts";
import type { ApiServer } from "./api-server.ts";
import { makeTestCertificate } from "./http/testing/test-certificate.ts";
import { startDevServer } from "./testing/dev-server.ts";

const ways: Readonly<Record<string, (server: ApiServer, caPem: string) => Transport>> = {
  "the API server over HTTP/2": (server, caPem) =>
    new HttpsTransport({
      server: `https://localhost:${server.listener?.port}`,
      caPem,
      clock: systemClock,
      token: fixedToken("admin"),
    }),
  "the API server in this process": (server) =>
    server.inProcessTransport({ name: "admin", groups: ["system:masters"] }),
};

for (const [name, connect] of Object.entries(ways)) {
  kubeClientSuite(name, async () => {
    const tls = await makeTestCertificate();
    const server = await startDevServer({ tls });
    await server.ready;
    const transport = connect(server, tls.certificate);
    return {
      client: createKubeClient(transport, { userAgent: "client-suite/1", clock: systemClock }),
      clock: systemClock,
      random: systemRandom,
      pass: (ms) => systemClock.sleep(ms),
      async [Symbol.asyncDispose]() {
        await transport[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  });
}
