/** Tokens a node asks for: bound to a pod that runs on it, and for audiences that the pod's volumes call for. */
import type { TokenRequest } from "#pkg/api/authentication/v1.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "#pkg/api/core/v1.ts";
import type { CSIDriver } from "#pkg/api/storage/v1.ts";
import type { Authorizer } from "../authz/authorizer.ts";
import { claimNameOf } from "../authz/pod-references.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionAttributes } from "./admission.ts";
import { refuse } from "./attributes.ts";
import { findPod } from "./find-pod.ts";

export class NodeTokenRestriction {
  readonly #reader: ObjectReader;
  readonly #authorizer: Authorizer;

  constructor(reader: ObjectReader, authorizer: Authorizer) {
    this.#reader = reader;
    this.#authorizer = authorizer;
  }

  async judge(nodeName: string, attributes: AdmissionAttributes): Promise<void> {
    if (attributes.operation !== "CREATE" || attributes.subresource !== "token") return;
    const { boundObjectRef: ref, audiences = [] } = (attributes.object as TokenRequest).spec ?? {};
    if (ref?.apiVersion !== "v1" || ref.kind !== "Pod" || !ref.name) {
      throw refuse(attributes, "node requested token not bound to a pod");
    }
    if (!ref.uid) throw refuse(attributes, "node requested token with a pod binding without a uid");
    const pod = await findPod(this.#reader, attributes.namespace, ref.name);
    if (pod.metadata.uid !== ref.uid) {
      const why =
        `the UID in the bound object reference (${ref.uid}) does not match the UID in record. ` +
        "The object might have been deleted and then recreated";
      throw refuse(attributes, why);
    }
    if (pod.spec.nodeName !== nodeName) {
      throw refuse(attributes, "node requested token bound to a pod scheduled on a different node");
    }
    await this.#judgeAudience(attributes, pod, audiences);
  }

  async #judgeAudience(attributes: AdmissionAttributes, pod: Pod, audiences: readonly string[]): Promise<void> {
    const [audience = "", ...more] = audiences;
    if (more.length > 0) throw refuse(attributes, "node may only request 0 or 1 audiences");
    if ((pod.spec.volumes ?? []).some((volume) => this.#callsFor(pod, volume, audience))) return;
    const { user, namespace, name } = attributes;
    const { decision } = await this.#authorizer.authorize({
      user,
      verb: "request-serviceaccounts-token-audience",
      isResourceRequest: true,
      apiGroup: "",
      apiVersion: "v1",
      resource: audience,
      subresource: "",
      namespace,
      name,
      path: "",
    });
    if (decision === "allow") return;
    const what = `audience ${JSON.stringify(audience)} not found in pod spec volume`;
    throw refuse(attributes, `${what}, ${user.name} is not authorized to request tokens for this audience`);
  }

  /** A projected token of that audience, or a CSI driver that is given such tokens. */
  #callsFor(pod: Pod, volume: Volume, audience: string): boolean {
    const projections = volume.projected?.sources ?? [];
    const tokens = projections.flatMap((source) => source.serviceAccountToken ?? []);
    if (tokens.some((token) => (token.audience ?? "") === audience)) return true;
    const driverName = volume.csi?.driver ?? this.#driverOfClaim(pod, volume);
    if (!driverName) return false;
    const driver = this.#reader.get("storage.k8s.io", "csidrivers", "", driverName) as CSIDriver | undefined;
    return driver?.spec.tokenRequests?.some((request) => request.audience === audience) ?? false;
  }

  #driverOfClaim(pod: Pod, volume: Volume): string | undefined {
    const claimName = claimNameOf(volume, pod.metadata.name ?? "");
    if (!claimName) return undefined;
    const { namespace = "" } = pod.metadata;
    const claim = this.#reader.get("", "persistentvolumeclaims", namespace, claimName) as
      | PersistentVolumeClaim
      | undefined;
    const volumeName = claim?.spec?.volumeName ?? "";
    const found = this.#reader.get("", "persistentvolumes", "", volumeName) as PersistentVolume | undefined;
    return found?.spec?.csi?.driver;
  }
}
