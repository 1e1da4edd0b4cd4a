/**
 * ServiceAccount: every pod runs as an account that exists; unless it or the account declines, its containers find a token
 * for the API, the cluster's authority and their namespace at the well-known path.
 */
import type { Container, Pod, ServiceAccount, Volume, VolumeMount } from "#pkg/api/core/v1.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { type Random, randomInt } from "#pkg/system/random.ts";
import { podReferences } from "../authz/pod-references.ts";
import { generateName } from "../registry/generate-name.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { isRequest, refuse } from "./attributes.ts";
import { unmountableSecret } from "./mountable-secrets.ts";

export interface ServiceAccountPorts {
  readonly reader: ObjectReader;
  readonly clock: Clock;
  readonly random: Random;
}

const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const volumePrefix = "kube-api-access-";
const mirrorAnnotation = "kubernetes.io/config.mirror";
const enforceAnnotation = "kubernetes.io/enforce-mountable-secrets";

export function serviceAccount(ports: ServiceAccountPorts): AdmissionPlugin {
  return new ServiceAccountPlugin(ports);
}

class ServiceAccountPlugin implements AdmissionPlugin {
  readonly name = "ServiceAccount";
  readonly #ports: ServiceAccountPorts;

  constructor(ports: ServiceAccountPorts) {
    this.#ports = ports;
  }

  handles(attributes: AdmissionAttributes): boolean {
    return isRequest(attributes, "pods", "CREATE") || isRequest(attributes, "pods/ephemeralcontainers", "UPDATE");
  }

  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const pod = attributes.object as Pod;
    if (attributes.operation !== "CREATE" || isMirror(pod)) return this.validate(attributes);
    pod.spec.serviceAccountName = accountNameOf(pod) || "default";
    // The old name of the field, which clients still read.
    pod.spec.serviceAccount = pod.spec.serviceAccountName;
    const account = await this.#find(attributes, pod.spec.serviceAccountName);
    if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) {
      mountToken(pod, generateName(volumePrefix, this.#ports.random));
    }
    if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
      pod.spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }));
    }
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const pod = attributes.object as Pod;
    if (attributes.operation === "CREATE" && isMirror(pod)) return checkMirror(attributes, pod);
    const name = accountNameOf(pod);
    if (name === "") {
      throw refuse(
        attributes,
        `no service account specified for pod ${attributes.namespace}/${pod.metadata.name ?? ""}`,
      );
    }
    const account = await this.#find(attributes, name);
    if (!/^(1|t|T|TRUE|true|True)$/.test(account.metadata.annotations?.[enforceAnnotation] ?? "")) return;
    const problem = unmountableSecret(account, pod, attributes.subresource === "ephemeralcontainers");
    if (problem) throw refuse(attributes, problem);
  }

  /** The default account of a new namespace is made by a controller, so it is waited for; any other must be there. */
  async #find(attributes: AdmissionAttributes, name: string): Promise<ServiceAccount> {
    const { reader, clock, random } = this.#ports;
    const { namespace } = attributes;
    const cached = reader.get("", "serviceaccounts", namespace, name);
    if (cached) return cached as ServiceAccount;
    const tries = name === "default" ? 10 : 1;
    const pauseMs = 100 + randomInt(random, 100);
    for (let attempt = 0; attempt < tries; attempt++) {
      if (attempt > 0) await clock.sleep(pauseMs);
      const live = await reader.getLive("", "serviceaccounts", namespace, name);
      if (live) return live as ServiceAccount;
    }
    const why = `serviceaccount ${JSON.stringify(name)} not found`;
    throw refuse(attributes, `error looking up service account ${namespace}/${name}: ${why}`);
  }
}

function accountNameOf({ spec }: Pod): string {
  return spec.serviceAccountName || spec.serviceAccount || "";
}

function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.[mirrorAnnotation] !== undefined;
}

/** A mirror pod only shows what a node runs by itself: it opens nothing of the API to the node. */
function checkMirror(attributes: AdmissionAttributes, pod: Pod): void {
  if (accountNameOf(pod) !== "") throw refuse(attributes, "a mirror pod may not reference service accounts");
  if (podReferences(pod).secrets.size > 0) throw refuse(attributes, "a mirror pod may not reference secrets");
  const projections = (pod.spec.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? []);
  if (projections.some((source) => source.serviceAccountToken)) {
    throw refuse(attributes, "a mirror pod may not use ServiceAccountToken volume projections");
  }
}

function mountToken(pod: Pod, newName: string): void {
  const present = pod.spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix));
  const name = present?.name ?? newName;
  const needing = [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? [])].filter(
    (container) => !mountsAt(container, tokenPath),
  );
  for (const container of needing) {
    const mount: VolumeMount = { name, readOnly: true, mountPath: tokenPath };
    container.volumeMounts = [...(container.volumeMounts ?? []), mount];
  }
  if (!present && needing.length > 0) pod.spec.volumes = [...(pod.spec.volumes ?? []), buildTokenVolume(name)];
}

function mountsAt(container: Container, path: string): boolean {
  return container.volumeMounts?.some((mount) => mount.mountPath === path) ?? false;
}

/** 3607 seconds are how the server knows a token that kubelets renew. */
export function buildTokenVolume(name: string): Volume {
  const namespaceField = { apiVersion: "v1", fieldPath: "metadata.namespace" };
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        { downwardAPI: { items: [{ path: "namespace", fieldRef: namespaceField }] } },
      ],
      defaultMode: 0o644,
    },
  };
}
