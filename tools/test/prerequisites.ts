/**
 * What the tests need from Debian: programs and the packages that bring them. Missing ones are named, then installed.
 */
import { systemRunner } from "#pkg/system/exec.ts";

interface Prerequisite {
  /** A program that is found in PATH, or a folder that is there. */
  readonly program: string;
  readonly debianPackage: string;
  readonly why: string;
}

export const prerequisites: readonly Prerequisite[] = [
  { program: "ip", debianPackage: "iproute2", why: "network namespaces and links" },
  { program: "iptables-save", debianPackage: "iptables", why: "service rules" },
  { program: "ipset", debianPackage: "ipset", why: "policy sets" },
  { program: "conntrack", debianPackage: "conntrack", why: "clearing stale UDP flows" },
  { program: "nft", debianPackage: "nftables", why: "the leak check" },
  { program: "openssl", debianPackage: "openssl", why: "an independent look at certificates" },
  { program: "etcd", debianPackage: "etcd-server", why: "the store suite on a real etcd" },
  { program: "etcdctl", debianPackage: "etcd-client", why: "the etcd API of the embedded store" },
  {
    program: "/usr/lib/python3/dist-packages/kubernetes/client",
    debianPackage: "python3-kubernetes",
    why: "a client in another language",
  },
  { program: "gcc", debianPackage: "gcc", why: "the CNI plugin" },
  { program: "/usr/include/linux", debianPackage: "libc6-dev", why: "the CNI plugin" },
  { program: "containerd", debianPackage: "containerd", why: "pods" },
  { program: "runc", debianPackage: "runc", why: "pods" },
];

/** Installs the packages of programs that are missing; returns their names. Needs root where anything is missing. */
export async function installMissing(wanted: readonly Prerequisite[] = prerequisites): Promise<readonly string[]> {
  const missing: Prerequisite[] = [];
  for (const one of wanted) if (!(await isInstalled(one.program))) missing.push(one);
  if (missing.length === 0) return [];
  for (const { debianPackage, program, why } of missing)
    console.log(`setup: installing ${debianPackage} (${program}: ${why})`);
  const packages = missing.map(({ debianPackage }) => debianPackage);
  const env = { ...(process.env as Record<string, string>), DEBIAN_FRONTEND: "noninteractive" };
  await systemRunner.run({ argv: ["apt-get", "update", "-qq"], env });
  // Services of these packages must not start by themselves: the tests start their own instances.
  await systemRunner.run({
    argv: ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages],
    env: { ...env, RUNLEVEL: "1" },
  });
  return packages;
}

async function isInstalled(program: string): Promise<boolean> {
  try {
    await systemRunner.run({
      argv: ["sh", "-c", `command -v ${program} || test -d ${program}`],
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
    });
    return true;
  } catch {
    return false;
  }
}
