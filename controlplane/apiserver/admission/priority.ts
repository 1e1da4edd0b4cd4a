/** Priority: a pod's number comes from its PriorityClass, and there is at most one class that is everyone's default. */
import type { Pod, PodSpec } from "#pkg/api/core/v1.ts";
import type { PriorityClass } from "#pkg/api/scheduling/v1.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { isRequest, refuse } from "./attributes.ts";

const group = "scheduling.k8s.io";

export function priority(reader: ObjectReader): AdmissionPlugin {
  return {
    name: "Priority",
    handles: (attributes) =>
      isRequest(attributes, "pods", "CREATE", "UPDATE") ||
      isRequest(attributes, `priorityclasses.${group}`, "CREATE", "UPDATE"),
    async mutate(attributes) {
      if (attributes.resource.resource !== "pods") return;
      if (attributes.operation === "UPDATE") return keepPriority(attributes.object as Pod, attributes.oldObject as Pod);
      resolvePriority(attributes, attributes.object as Pod, reader);
    },
    async validate(attributes) {
      if (attributes.resource.resource !== "priorityclasses") return;
      const added = attributes.object as PriorityClass;
      const present = added.globalDefault ? defaultClass(reader) : undefined;
      if (!present) return;
      if (attributes.operation === "UPDATE" && present.metadata.name === added.metadata.name) return;
      const name = present.metadata.name ?? "";
      throw refuse(attributes, `PriorityClass ${name} is already marked as default. Only one default can exist`);
    },
  };
}

/** Clients that do not know the fields must not lose them. */
function keepPriority(pod: Pod, old: Pod): void {
  pod.spec.priority ??= old.spec.priority;
  pod.spec.preemptionPolicy ??= old.spec.preemptionPolicy;
}

function resolvePriority(attributes: AdmissionAttributes, pod: Pod, reader: ObjectReader): void {
  const { name, value, policy } = findClass(attributes, pod.spec.priorityClassName ?? "", reader);
  const { priority: given, preemptionPolicy: givenPolicy } = pod.spec;
  if (given !== undefined && given !== value) {
    throw refuse(
      attributes,
      `the integer value of priority (${given}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  if (policy !== undefined && givenPolicy !== undefined && givenPolicy !== policy) {
    throw refuse(
      attributes,
      `the string value of PreemptionPolicy (${givenPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  if (name !== "") pod.spec.priorityClassName = name;
  pod.spec.priority = value;
  if (policy !== undefined) pod.spec.preemptionPolicy = policy;
}

interface ResolvedClass {
  readonly name: string;
  readonly value: number;
  readonly policy: PodSpec["preemptionPolicy"];
}

function findClass(attributes: AdmissionAttributes, wanted: string, reader: ObjectReader): ResolvedClass {
  const found =
    wanted === ""
      ? defaultClass(reader)
      : (reader.get(group, "priorityclasses", "", wanted) as PriorityClass | undefined);
  if (found) return { name: found.metadata.name ?? "", value: found.value ?? 0, policy: found.preemptionPolicy };
  if (wanted !== "") throw refuse(attributes, `no PriorityClass with name ${wanted} was found`);
  return { name: "", value: 0, policy: "PreemptLowerPriority" };
}

/** Two can only be there by a race; then the lower one counts. */
function defaultClass(reader: ObjectReader): PriorityClass | undefined {
  const classes = reader.list(group, "priorityclasses", "") as readonly PriorityClass[];
  return classes.filter((one) => one.globalDefault).sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}
