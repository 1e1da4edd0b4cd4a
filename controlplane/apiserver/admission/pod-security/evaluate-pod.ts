/** A pod against a level of a version: the checks that hold for it, in upstream's order. Pure. */
import { baselineChecks } from "./baseline-checks.ts";
import type { Check, CheckPod, Finding, PodLike } from "./check.ts";
import type { LevelVersion } from "./policy.ts";
import { restrictedChecks } from "./restricted-checks.ts";

const byId = (a: Check, b: Check): number => Number(a.id > b.id) - Number(a.id < b.id);
const orderedChecks: readonly Check[] = [...baselineChecks.toSorted(byId), ...restrictedChecks.toSorted(byId)];
const newest = Math.max(...orderedChecks.flatMap((check) => check.versions.map(({ since }) => since)));

/** What the pod violates; empty: it may run at that level. */
export function evaluatePod({ level, version }: LevelVersion, pod: PodLike): readonly Finding[] {
  if (level === "privileged") return [];
  const minor = version === "latest" ? newest : Math.min(version, newest);
  return checksFor(level, minor).flatMap((check) => check(pod) ?? []);
}

/** `allowPrivilegeEscalation != false (container "c" must set …), …` */
export function describeFindings(findings: readonly Finding[]): string {
  return findings.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(", ");
}

export function describeReasons(findings: readonly Finding[]): string {
  return findings.map(({ reason }) => reason).join(", ");
}

function checksFor(level: "baseline" | "restricted", minor: number): readonly CheckPod[] {
  const included = orderedChecks.filter((check) => level === "restricted" || check.level === "baseline");
  const effective = included.flatMap((one) => {
    const check = one.versions.findLast(({ since }) => since <= minor)?.check;
    return check ? [{ ...one, check }] : [];
  });
  const overridden = new Set(effective.flatMap(({ overrides }) => overrides ?? []));
  return effective.filter(({ id }) => !overridden.has(id)).map(({ check }) => check);
}
