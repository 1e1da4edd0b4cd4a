/** The stages of `up`, each idempotent: it looks, does what is missing, waits until it is there, and says what it found. */
import { buildContainerdConfig } from "#pkg/cri/containerd-config.ts";
import { buildKubeconfig, formatKubeconfig, loadKubeconfig } from "#pkg/kube/kubeconfig.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { computeImports } from "../cluster/compute-up.ts";
import { runRoot } from "../cluster/layout.ts";
import { ProcessTable } from "../cluster/process-table.ts";
import { buildAgentConfig, demoProgramFile, healthPortOf, programFile, proxyHealthPort } from "../cluster/programs.ts";
import { readIfThere, writeIfChanged, writeSettings } from "../cluster/settings.ts";
import { buildDemo, demoDeployments, demoNamespace, demoNodePort } from "../demo/demo-objects.ts";
import { buildRecipes, pauseImage } from "../images/cluster-images.ts";
import { type PreparedImage, prepareImages } from "../images/prepare-images.ts";
import { chooseSnapshotter, findNodeAddress, hasSysResource, networkNamespaceOf } from "../machine/machine-facts.ts";
import { findMissing, installPackages, prerequisites } from "../machine/prerequisites.ts";
import { applyObjects } from "./apply-objects.ts";
import { buildPrograms } from "./build-programs.ts";
import { buildDnsObjects, dnsUser } from "./dns-objects.ts";
import { buildNodeObjects } from "./node-objects.ts";
import type { UpRun } from "./up-run.ts";
import { waitUntil } from "./wait-until.ts";

export interface Stage {
  readonly name: string;
  /** What a person can do when it fails. */
  readonly advice: string;
  /** Returns one line about what was done or found. */
  run(run: UpRun): Promise<string>;
}

export const prerequisitesStage: Stage = {
  name: "prerequisites",
  advice: "a node needs root, and the programs named above",
  async run(run) {
    const { runner, reporter, machine } = run.ports;
    if (!machine.isRoot)
      throw new BerthError("Forbidden", "containers, cgroups and iptables need root; run it as root, e.g. with sudo");
    const missing = await findMissing(prerequisites, runner);
    for (const { debianPackage, program, why } of missing)
      reporter.note(`installing ${debianPackage} (${program}: ${why})`);
    if (missing.length > 0) await installPackages(missing, runner);
    await refuseSecondCluster(run);
    run.nodeAddress = await findNodeAddress(runner);
    await writeSettings(run.settings, run.layout, run.ports.files);
    const installed = missing.map(({ debianPackage }) => debianPackage).join(", ");
    return `${installed ? `installed ${installed}; ` : ""}node ${run.nodeName} at ${run.nodeAddress}`;
  },
};

/** Links and rules carry no cluster's name: one network namespace has room for one node. */
async function refuseSecondCluster(run: UpRun): Promise<void> {
  const { files, runner } = run.ports;
  const names = (await files.exists(runRoot)) ? await files.list(runRoot) : [];
  const own = await networkNamespaceOf("self", runner);
  for (const name of names.filter((one) => one !== run.settings.name)) {
    const agent = await new ProcessTable(`${runRoot}/${name}/processes`, run.ports).running("nodeagent");
    if (!agent || (await networkNamespaceOf(agent.pid, runner)) !== own) continue;
    throw new BerthError(
      "Conflict",
      `the cluster "${name}" uses this network already; berth down --name ${name}, or start in another network namespace`,
    );
  }
}

export const programsStage: Stage = {
  name: "programs",
  advice: "npm ci brings the bundler",
  async run(run) {
    run.installation = await buildPrograms(run.ports);
    for (const name of ["server", "nodeagent", "proxy", "dns"] as const) {
      const file = programFile(name, run.installation);
      if (!(await run.ports.files.exists(file))) throw new BerthError("NotFound", `there is no ${file}`);
    }
    return run.installation.kind === "bundle" ? run.installation.folder : "from sources";
  },
};

let prepared: readonly PreparedImage[] = [];

export const imagesStage: Stage = {
  name: "images",
  advice: "images are made from Debian packages: deb.debian.org must be reachable the first time",
  async run(run) {
    const { files, machine, reporter } = run.ports;
    const visits = await files.readText(demoProgramFile(run.installation));
    const recipes = buildRecipes({ nodeProgram: machine.node, visits });
    let built = 0;
    prepared = await prepareImages(
      recipes,
      {
        cacheDir: machine.cacheDir,
        architecture: machine.architecture,
        onBuild: (reference) => {
          built++;
          reporter.note(`building ${reference}`);
        },
      },
      run.ports,
    );
    return built === 0 ? `${prepared.length} there already` : `${built} built`;
  },
};

export const containerdStage: Stage = {
  name: "containerd",
  advice: "see its log; another program may hold its folders",
  async run(run) {
    const { files, runner, kernelFiles, clock, signal } = run.ports;
    const { layout } = run;
    for (const folder of [layout.containerdRoot, layout.cniBinDir, layout.cniConfDir, layout.podLogsDir])
      await files.makeFolder(folder);
    await files.makeFolder(layout.containerdState, 0o711);
    const config = buildContainerdConfig({
      root: layout.containerdRoot,
      state: layout.containerdState,
      sandboxImage: pauseImage,
      cniBinFolder: layout.cniBinDir,
      cniConfFolder: layout.cniConfDir,
      restrictOomScoreAdj: !(await hasSysResource(kernelFiles)),
      systemdCgroup: false,
      snapshotter: await chooseSnapshotter(layout.containerdRoot, runner),
    });
    const changed = await writeIfChanged(layout.containerdConfig, config, files);
    const how = await run.ensureProcess("containerd", changed);
    const { runtime, images } = run.connectRuntime();
    let version = "";
    const check = run.checkRuns("containerd");
    const probe = async () => {
      version = (await runtime.version()).runtimeVersion;
      return undefined;
    };
    await waitUntil(probe, { what: "containerd", timeoutMs: 30_000, clock, signal, check });
    const imported = await importImages(run, async (image) => (await images.imageStatus({ image })) !== undefined);
    return `${version} ${how}${imported > 0 ? `, ${imported} images imported` : ""}`;
  },
};

async function importImages(run: UpRun, isPresent: (reference: string) => Promise<boolean>): Promise<number> {
  const { files, runner, reporter } = run.ports;
  const file = run.layout.importedImages;
  const imported = JSON.parse((await readIfThere(file, files)) ?? "{}") as Record<string, string>;
  const present = new Set<string>();
  for (const { reference } of prepared) if (await isPresent(reference)) present.add(reference);
  const wanted = computeImports(prepared, imported, present);
  for (const { reference, key, archive } of wanted) {
    reporter.note(`importing ${reference}`);
    await runner.run({ argv: ["ctr", "-a", run.socket, "-n", "k8s.io", "images", "import", archive] });
    imported[reference] = key;
    await files.writeAtomic(file, `${JSON.stringify(imported, null, 2)}\n`);
  }
  return wanted.length;
}

export const serverStage: Stage = {
  name: "API server",
  advice: "is the port in use? --port takes another one",
  async run(run) {
    const { clock, signal } = run.ports;
    const how = await run.ensureProcess("server");
    const probe = async () => {
      await (await run.client()).rawText("/readyz");
      return undefined;
    };
    const check = run.checkRuns("server");
    await waitUntil(probe, { what: "the API server", timeoutMs: 60_000, clock, signal, check });
    await writeKubeconfigs(run);
    return `https://127.0.0.1:${run.settings.port} ${how}`;
  },
};

/** Each process has an identity of its own, with the rights upstream's has, through the administrator's certificate. */
async function writeKubeconfigs(run: UpRun): Promise<void> {
  const { files } = run.ports;
  const { layout } = run;
  const admin = await loadKubeconfig(files, layout.kubeconfig);
  const identities = [
    [layout.agentKubeconfig, `system:node:${run.nodeName}`, ["system:nodes", "system:authenticated"]],
    [layout.proxyKubeconfig, "system:kube-proxy", ["system:authenticated"]],
    [layout.dnsKubeconfig, dnsUser, ["system:authenticated"]],
  ] as const;
  for (const [file, user, groups] of identities) {
    const config = buildKubeconfig("berth", { ...admin, impersonate: { user, groups: [...groups] } });
    await writeIfChanged(file, formatKubeconfig(config), files, 0o600);
  }
}

export const agentStage: Stage = {
  name: "node agent",
  advice: "see its log",
  async run(run) {
    const { files, clock, signal } = run.ports;
    await applyObjects(buildNodeObjects(), await run.client(), signal);
    const changed = await writeIfChanged(run.layout.agentConfig, buildAgentConfig(run.layout), files);
    const how = await run.ensureProcess("nodeagent", changed);
    const client = await run.client();
    const probe = async () => {
      const node = await client.nodes.get(run.nodeName, { signal });
      const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
      return ready?.status === "True" ? undefined : (ready?.message ?? "the node has not registered");
    };
    const check = run.checkRuns("nodeagent");
    await waitUntil(probe, { what: `node ${run.nodeName}`, timeoutMs: 60_000, clock, signal, check });
    return `${how}, node ${run.nodeName} is ready`;
  },
};

export const proxyStage: Stage = {
  name: "service proxy",
  advice: "see its log",
  async run(run) {
    const { clock, signal, httpStatus } = run.ports;
    const how = await run.ensureProcess("proxy");
    const probe = async () => {
      const status = await httpStatus(`http://127.0.0.1:${proxyHealthPort}/healthz`, 1000);
      return status === 200 ? undefined : "its rules are not written yet";
    };
    await waitUntil(probe, { what: "the proxy", timeoutMs: 30_000, clock, signal, check: run.checkRuns("proxy") });
    return how;
  },
};

export const dnsStage: Stage = {
  name: "cluster DNS",
  advice: "see its log",
  async run(run) {
    const { clock, signal, httpStatus } = run.ports;
    const { dnsPort } = run.settings;
    await applyObjects(buildDnsObjects(run.nodeAddress, dnsPort), await run.client(), signal);
    const how = await run.ensureProcess("dns");
    const probe = async () => {
      const status = await httpStatus(`http://127.0.0.1:${healthPortOf(run.settings)}/ready`, 1000);
      return status === 200 ? undefined : "it has not caught up with the API";
    };
    await waitUntil(probe, { what: "DNS", timeoutMs: 30_000, clock, signal, check: run.checkRuns("dns") });
    return how;
  },
};

export const demoUrl = (nodeAddress: string): string => `http://${nodeAddress}:${demoNodePort}/`;

export const demoStage: Stage = {
  name: "demo",
  advice: "kubectl -n demo describe pods says what each pod waits for",
  async run(run) {
    const { clock, signal, httpStatus } = run.ports;
    const client = await run.client();
    await applyObjects(buildDemo(), client, signal);
    run.lastProcess = "nodeagent";
    for (const name of demoDeployments) {
      const probe = async () => {
        const { spec, status, metadata } = await client.deployments.in(demoNamespace).get(name, { signal });
        const [wanted, ready] = [spec?.replicas ?? 1, status?.availableReplicas ?? 0];
        const isSeen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
        return isSeen && ready >= wanted ? undefined : `${ready} of ${wanted} pods are available`;
      };
      await waitUntil(probe, { what: `deployment ${name}`, timeoutMs: 120_000, clock, signal });
    }
    run.lastProcess = "proxy";
    const url = demoUrl(run.nodeAddress);
    const probe = async () => {
      // Not the page itself: that would count as a visit.
      const status = await httpStatus(`${url}ready`, 2000);
      return status === 200 ? undefined : `${url} answers ${status}`;
    };
    await waitUntil(probe, { what: url, timeoutMs: 30_000, clock, signal, check: run.checkRuns("proxy") });
    return url;
  },
};

export const clusterStages: readonly Stage[] = [
  prerequisitesStage,
  programsStage,
  imagesStage,
  containerdStage,
  serverStage,
  agentStage,
  proxyStage,
  dnsStage,
];
