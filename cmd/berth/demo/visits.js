// A small web program: counts its visitors in Redis, which it finds by a DNS name. Plain Node.js without packages.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { hostname } from "node:os";

const { STORE_HOST: host = "redis", STORE_PORT: port = "6379", GREETING: greeting = "Hello" } = process.env;
const read = (file) => {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
};

/** One command over a connection of its own, in Redis's protocol (RESP): "+text", ":number" or "-error" comes back. */
function redis(...words) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const socket = connect({ host, port: Number(port), timeout: 1000 });
  const command = [`*${words.length}`, ...words.flatMap((word) => [`$${Buffer.byteLength(word)}`, word]), ""];
  socket.on("connect", () => socket.write(command.join("\r\n")));
  socket.on("data", (data) => {
    const [line] = data.toString().split("\r\n");
    line.startsWith("-") ? reject(new Error(line.slice(1))) : resolve(line.slice(1));
    socket.end();
  });
  socket.on("timeout", () => socket.destroy(new Error(`no answer from ${host}:${port}`)));
  socket.on("error", reject);
  return promise;
}

const pages = {
  "/": async () => {
    const visits = Number(await redis("INCR", "visits"));
    const style = read("/etc/visits/style/style"); // from a ConfigMap, live
    const isSigned = read("/etc/visits/secret/token") === process.env.TOKEN; // from a Secret, by volume and by env
    const namespace = read("/var/run/secrets/kubernetes.io/serviceaccount/namespace");
    return { greeting, visits, pod: hostname(), namespace, style, isSigned };
  },
  "/live": async () => ({ ok: true }),
  "/ready": async () => ({ redis: await redis("PING") }),
};

const server = createServer(async (request, response) => {
  const page = pages[request.url ?? "/"];
  const answer = page ? await page().catch((error) => ({ error: error.message })) : { error: "no such page" };
  response.statusCode = page ? ("error" in answer ? 503 : 200) : 404;
  response.setHeader("content-type", "application/json");
  response.end(`${JSON.stringify(answer)}\n`);
});
server.listen(8080, () => console.log(`listening on ${hostname()}:8080`));
process.on("SIGTERM", () => server.close(() => process.exit()));
