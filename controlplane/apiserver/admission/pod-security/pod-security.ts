/**
 * PodSecurity: the level a namespace's labels name is enforced on its pods and warned about on what makes pods. Changing
 * the label of a namespace refuses nothing, but tells which pods there would not pass.
 */
import type { Namespace, Pod } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { ObjectReader } from "../../registry/resource-registry.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { refuse } from "../attributes.ts";
import { describeFindings, describeReasons, evaluatePod } from "./evaluate-pod.ts";
import { hasPodTemplate, podTemplateOf } from "./pod-template.ts";
import {
  compareLevels,
  formatLevel,
  isFullyPrivileged,
  isSameLevel,
  type LevelVersion,
  type ParsedPolicy,
  type Policy,
  parsePolicy,
  privilegedPolicy,
} from "./policy.ts";
import { warnAboutPods } from "./warn-about-pods.ts";

export interface PodSecurityOptions {
  /** For namespaces without labels. */
  readonly defaults: Policy;
  /** Not looked at at all. */
  readonly exemptNamespaces: readonly string[];
  readonly exemptUsers: readonly string[];
  readonly exemptRuntimeClasses: readonly string[];
}

/** Upstream's: nothing is enforced until a namespace asks for it. */
export const defaultPodSecurity: PodSecurityOptions = {
  defaults: privilegedPolicy,
  exemptNamespaces: [],
  exemptUsers: [],
  exemptRuntimeClasses: [],
};

/** Those that do not change what runs; a subresource that is not known is looked at. */
const harmless: ReadonlySet<string> = new Set([
  ...["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"],
]);

export function podSecurity(reader: ObjectReader, options: PodSecurityOptions): AdmissionPlugin {
  return new PodSecurityPlugin(reader, options);
}

class PodSecurityPlugin implements AdmissionPlugin {
  readonly name = "PodSecurity";
  readonly #reader: ObjectReader;
  readonly #options: PodSecurityOptions;

  constructor(reader: ObjectReader, options: PodSecurityOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  handles({ operation, resource, subresource }: AdmissionAttributes): boolean {
    if (operation !== "CREATE" && operation !== "UPDATE") return false;
    if (resource.group === "" && resource.resource === "pods") return !harmless.has(subresource);
    if (subresource !== "") return false;
    return (resource.group === "" && resource.resource === "namespaces") || hasPodTemplate(resource);
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { resource } = attributes.resource;
    if (resource === "namespaces") return this.#judgeNamespace(attributes);
    const { exemptNamespaces, exemptUsers, exemptRuntimeClasses } = this.#options;
    if (exemptNamespaces.includes(attributes.namespace) || exemptUsers.includes(attributes.user.name)) return;
    const isPod = resource === "pods";
    const parsed = await this.#policyOf(attributes.namespace);
    if (parsed.errors.length === 0 && isFullyPrivileged(parsed.policy)) return;
    const pod = attributes.object && podTemplateOf(attributes.resource, attributes.object);
    if (!pod || exemptRuntimeClasses.includes(pod.spec.runtimeClassName ?? "")) return;
    if (isPod && !isSignificant(attributes)) return;
    const { enforce, warn } = parsed.policy;
    const forbidden = isPod ? evaluatePod(enforce, pod) : [];
    if (forbidden.length > 0) {
      throw refuse(attributes, `violates PodSecurity "${formatLevel(enforce)}": ${describeFindings(forbidden)}`);
    }
    const doubtful = evaluatePod(warn, pod);
    if (doubtful.length > 0) {
      attributes.warn(`would violate PodSecurity "${formatLevel(warn)}": ${describeFindings(doubtful)}`);
    }
  }

  #judgeNamespace(attributes: AdmissionAttributes): void {
    const next = attributes.object as Namespace;
    const old = attributes.oldObject as Namespace | undefined;
    const parsed = parsePolicy(next.metadata.labels, this.#options.defaults);
    const before = old && parsePolicy(old.metadata.labels, this.#options.defaults);
    // What was wrong before must not keep the rest of the namespace from being changed.
    if (parsed.errors.length > 0 && !hasSameErrors(parsed, before)) {
      throw StatusError.invalid({ group: "", resource: "Namespace" }, next.metadata.name ?? "", parsed.errors);
    }
    const { enforce } = parsed.policy;
    if (!before || !isStricter(enforce, before.policy.enforce)) return;
    const name = next.metadata.name ?? "";
    if (this.#options.exemptNamespaces.includes(name)) return;
    const pods = this.#reader.list("", "pods", name) as readonly Pod[];
    const counted = pods.filter(
      ({ spec }) => !this.#options.exemptRuntimeClasses.includes(spec.runtimeClassName ?? ""),
    );
    for (const text of warnAboutPods(name, enforce, counted, (pod) => describeReasons(evaluatePod(enforce, pod)))) {
      attributes.warn(text);
    }
  }

  async #policyOf(name: string): Promise<ParsedPolicy> {
    const namespace =
      this.#reader.get("", "namespaces", "", name) ?? (await this.#reader.getLive("", "namespaces", "", name));
    if (!namespace) throw StatusError.internal(`failed to lookup namespace ${JSON.stringify(name)}`);
    return parsePolicy(namespace.metadata.labels, this.#options.defaults);
  }
}

function hasSameErrors(parsed: ParsedPolicy, before: ParsedPolicy | undefined): boolean {
  const texts = ({ errors }: ParsedPolicy): string => errors.map((error) => error.message).join("\n");
  return before !== undefined && texts(parsed) === texts(before);
}

/** Whether pods that passed the old level may fail the new one. */
function isStricter(next: LevelVersion, old: LevelVersion): boolean {
  if (isSameLevel(next, old) || next.level === "privileged") return false;
  return next.version !== old.version || compareLevels(next.level, old.level) > 0;
}

/** An update that adds no container and changes no image runs what was admitted before. */
function isSignificant({ object, oldObject }: AdmissionAttributes): boolean {
  if (!oldObject) return true;
  const [next, old] = [(object as Pod).spec, (oldObject as Pod).spec];
  const differs = (a: readonly Imaged[] | undefined = [], b: readonly Imaged[] | undefined = []): boolean =>
    a.length !== b.length || a.some((container, index) => container.image !== b[index]?.image);
  if (differs(next.containers, old.containers) || differs(next.initContainers, old.initContainers)) return true;
  return (next.ephemeralContainers ?? []).some(
    ({ name, image }) => old.ephemeralContainers?.find((one) => one.name === name)?.image !== image,
  );
}

interface Imaged {
  readonly image?: string | undefined;
}
