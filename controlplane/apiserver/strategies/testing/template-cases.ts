/** What every kind with a selector and a pod template refuses: faults of an object with one value changed. */
export type Case = [path: string, value: unknown, faults: string[]];

export const templateCases: Case[] = [
  ["spec.replicas", -1, ["spec.replicas: Invalid"]],
  ["spec.minReadySeconds", -1, ["spec.minReadySeconds: Invalid"]],
  ["spec.selector", undefined, ["spec.selector: Required", "spec.template.metadata.labels: Invalid"]],
  ["spec.selector", {}, ["spec.selector: Invalid"]],
  ["spec.selector.matchLabels", { app: "other" }, ["spec.template.metadata.labels: Invalid"]],
  [
    "spec.selector.matchExpressions",
    [{ key: "app", operator: "Near" }],
    ["spec.selector.matchExpressions[0].operator: Invalid", "spec.selector: Invalid"],
  ],
  ["spec.template.spec.restartPolicy", "Never", ["spec.template.spec.restartPolicy: NotSupported"]],
  ["spec.template.spec.activeDeadlineSeconds", 1, ["spec.template.spec.activeDeadlineSeconds: Forbidden"]],
  ["spec.template.spec.containers", [], ["spec.template.spec.containers: Required"]],
  ["spec.template.spec.containers.0.image", "", ["spec.template.spec.containers[0].image: Required"]],
  [
    "spec.template.spec.ephemeralContainers",
    [{ name: "e", image: "e" }],
    ["spec.template.spec.ephemeralContainers: Forbidden"],
  ],
];
