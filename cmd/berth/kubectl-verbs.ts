/** kubectl's verbs, which this tool will take on the same API. Until a verb is there, the answer names the kubectl command. Pure. */
const verbs = [
  ...["annotate", "api-resources", "api-versions", "apply", "attach", "auth", "autoscale", "certificate"],
  ...["cluster-info", "cordon", "cp", "create", "debug", "delete", "describe", "diff", "drain", "edit", "events"],
  ...["exec", "explain", "expose", "get", "kustomize", "label", "logs", "patch", "port-forward", "proxy", "replace"],
  ...["rollout", "run", "scale", "set", "taint", "top", "uncordon", "wait"],
];

export function isKubectlVerb(word: string): boolean {
  return verbs.includes(word);
}

export function describeMissingVerb(argv: readonly string[], kubeconfig: string): string {
  const command = ["kubectl", "--kubeconfig", kubeconfig, ...argv].map(quote).join(" ");
  return `berth ${argv[0]} is not there yet; the same with kubectl:\n  ${command}`;
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
