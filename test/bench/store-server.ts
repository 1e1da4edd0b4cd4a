/** The embedded store served as etcd, as a process of its own: prints its endpoint and runs until it is ended. */
import { openEmbeddedStore } from "#controlplane/store/embedded-store.ts";
import { startEtcdServer } from "#controlplane/store/etcd-server.ts";

const [dataDir = "", port = "0"] = process.argv.slice(2);
const store = await openEmbeddedStore({ dataDir });
const server = await startEtcdServer({ store, port: Number(port), identity: store.identity });
console.log(server.endpoint);
process.once("SIGTERM", () => {
  void server[Symbol.asyncDispose]()
    .then(() => store[Symbol.asyncDispose]())
    .then(() => process.exit(0));
});
