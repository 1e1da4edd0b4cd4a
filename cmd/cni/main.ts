/**
 * The CNI plugin in Node.js, for machines where the static one cannot be built. Same protocol, same behaviour, only slower
 * to start. The name it was called by comes as the first argument, the folder of its settings as the second.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { type CniAnswer, CniError, type CniRequest, cniCode, formatCniError } from "#pkg/network/cni/cni-types.ts";

const timeoutMs = 30_000;
const variables = ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"] as const;

async function main(calledAs: string, folder: string): Promise<CniAnswer> {
  const [socketPath, spoolFolder] = (await readFile(path.join(folder, "berth-cni.conf"), "utf8")).split("\n");
  const env = Object.fromEntries(
    variables.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const request: CniRequest = { plugin: path.basename(calledAs), env, stdin: await text(process.stdin) };
  const line = `${JSON.stringify(request)}\n`;
  const answer = await ask(socketPath ?? "", line);
  if (answer) return answer;
  if (env["CNI_COMMAND"] !== "DEL")
    throw new CniError(cniCode.tryAgain, "berth-nodeagent does not answer on its socket; it may be starting");
  if (request.plugin !== "loopback") await spool(spoolFolder ?? "", env, line);
  return { exitCode: 0, stdout: "" };
}

/** Undefined when there is no agent. */
function ask(socketPath: string, line: string): Promise<CniAnswer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.on("error", () => resolve(undefined));
    socket.on("connect", () => socket.end(line));
    text(socket).then(
      (answer) => resolve(answer === "" ? undefined : (JSON.parse(answer) as CniAnswer)),
      () => resolve(undefined),
    );
  });
}

async function spool(folder: string, env: Readonly<Record<string, string | undefined>>, line: string): Promise<void> {
  const name = `${env["CNI_CONTAINERID"]}-${env["CNI_IFNAME"]}`.replaceAll("/", "");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `.${name}.tmp`), line);
  await rename(path.join(folder, `.${name}.tmp`), path.join(folder, `${name}.json`));
}

const answer = await main(process.argv[2] ?? "berth-cni", process.argv[3] ?? ".").catch((error: unknown) =>
  formatCniError(error, "1.0.0"),
);
process.stdout.write(answer.stdout);
process.exitCode = answer.exitCode;
