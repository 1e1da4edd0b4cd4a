/** Programs of the operating system that a node needs, and the Debian packages that bring them. */
import { BerthError } from "#pkg/system/errors.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";

export interface Prerequisite {
  readonly program: string;
  readonly debianPackage: string;
  readonly why: string;
}

export const prerequisites: readonly Prerequisite[] = [
  { program: "containerd", debianPackage: "containerd", why: "runs containers" },
  { program: "runc", debianPackage: "runc", why: "runs containers" },
  { program: "iptables-restore", debianPackage: "iptables", why: "service rules" },
  { program: "ipset", debianPackage: "ipset", why: "sets of addresses" },
  { program: "conntrack", debianPackage: "conntrack", why: "clears stale flows" },
  { program: "ip", debianPackage: "iproute2", why: "links and routes of pods" },
  { program: "mount", debianPackage: "mount", why: "volumes" },
];

/** Where Debian keeps them; a user's own PATH often has no sbin. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export async function findMissing(
  wanted: readonly Prerequisite[],
  runner: CommandRunner,
): Promise<readonly Prerequisite[]> {
  const names = wanted.map(({ program }) => program).join(" ");
  const script = `for name in ${names}; do command -v "$name" >/dev/null || echo "$name"; done`;
  const { stdout } = await runner.run({ argv: ["sh", "-c", script], env: { PATH: systemPath } });
  const missing = new Set(stdout.split("\n"));
  return wanted.filter(({ program }) => missing.has(program));
}

/** Throws "NotFound" naming the packages where there is no apt, and "Unavailable" when apt cannot get them. */
export async function installPackages(missing: readonly Prerequisite[], runner: CommandRunner): Promise<void> {
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
  const byHand = `install them by hand: apt-get install ${packages.join(" ")}`;
  // Run level 1 keeps the packages' own services from starting: Berth starts instances of its own.
  const env = { PATH: systemPath, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1", LANG: "C" };
  try {
    await runner.run({ argv: ["sh", "-c", "command -v apt-get"], env });
  } catch (error) {
    throw new BerthError("NotFound", `this system has no apt-get; it needs ${packages.join(", ")}`, { cause: error });
  }
  try {
    await runner.run({ argv: ["apt-get", "update", "-qq"], env });
    await runner.run({ argv: ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages], env });
  } catch (error) {
    throw new BerthError("Unavailable", `apt-get could not install ${packages.join(", ")}; ${byHand}`, {
      cause: error,
    });
  }
}
