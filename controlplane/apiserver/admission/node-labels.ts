/** Which labels of its own node object a kubelet may not touch: those by which pods are steered. Pure. */

const allowed: ReadonlySet<string> = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "node.kubernetes.io/instance-type",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
]);
const allowedDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"];

type Labels = Readonly<Record<string, string>> | undefined;

/** Labels that differ and that a node may not change; sorted. */
export function forbiddenNodeLabels(next: Labels, old: Labels): readonly string[] {
  const keys = new Set([...Object.keys(next ?? {}), ...Object.keys(old ?? {})]);
  return [...keys].filter((key) => next?.[key] !== old?.[key] && isForbidden(key)).sort();
}

function isForbidden(key: string): boolean {
  const slash = key.indexOf("/");
  const domain = slash < 0 ? "" : key.slice(0, slash);
  if (isUnder(domain, "node-restriction.kubernetes.io")) return true;
  const isOfKubernetes = isUnder(domain, "kubernetes.io") || isUnder(domain, "k8s.io");
  return isOfKubernetes && !allowed.has(key) && !allowedDomains.some((one) => isUnder(domain, one));
}

function isUnder(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}
