/** `serviceaccounts/token`: a new token for a service account, perhaps bound to a pod, a node or a secret. */
import type { TokenRequest } from "#pkg/api/authentication/v1.ts";
import type { Pod, Secret, ServiceAccount } from "#pkg/api/core/v1.ts";
import { FieldPath, fieldError } from "#pkg/api/field.ts";
import { type KubeObject, parseApiVersion } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { type Clock, formatTime } from "#pkg/system/clock.ts";
import type { TokenBinding } from "../authn/service-account-claims.ts";
import type { TokenIssuer } from "../authn/token-issuer.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { VirtualRequest, VirtualResource } from "./virtual-resource.ts";

const about = { group: "authentication.k8s.io", resource: "TokenRequest" };
const defaultExpirationSeconds = 3600;
const minExpirationSeconds = 600;
const maxExpirationSeconds = 2 ** 32;

export interface TokenRequestPorts {
  readonly issuer: TokenIssuer;
  readonly reader: ObjectReader;
  readonly clock: Clock;
}

export function createTokenRequests(ports: TokenRequestPorts): VirtualResource {
  return {
    group: "",
    version: "v1",
    resource: "serviceaccounts",
    subresource: "token",
    create: (object, request) => createToken(object as TokenRequest, request, ports),
  };
}

async function createToken(
  given: TokenRequest,
  request: VirtualRequest,
  { issuer, reader, clock }: TokenRequestPorts,
): Promise<KubeObject> {
  checkNames(given, request);
  const account = await findAccount(given, request, reader);
  const spec = { ...given.spec, audiences: given.spec?.audiences ?? [] };
  if (spec.audiences.length === 0) spec.audiences = [...issuer.options.apiAudiences];
  spec.expirationSeconds = checkExpiration(spec.expirationSeconds ?? defaultExpirationSeconds);
  const { maxExpirationSeconds: limit } = issuer.options;
  if (limit !== undefined && spec.expirationSeconds > limit) {
    request.warn(`requested expiration of ${spec.expirationSeconds} seconds shortened to ${limit} seconds`);
    spec.expirationSeconds = limit;
  }
  const binding = await findBinding(spec.boundObjectRef, request, reader);
  const issued = issuer.issue({
    serviceAccount: account,
    binding,
    audiences: spec.audiences,
    expirationSeconds: spec.expirationSeconds,
  });
  const { name, namespace, uid } = account.metadata;
  return {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata: { ...given.metadata, name, namespace, uid, creationTimestamp: formatTime(clock.now()) },
    spec,
    status: { token: issued.token, expirationTimestamp: formatTime(issued.expirationMs) },
  };
}

function checkNames({ metadata }: TokenRequest, { namespace, name }: VirtualRequest): void {
  const path = new FieldPath("metadata");
  if (metadata?.name && metadata.name !== name) {
    const detail = "must match the service account name if specified";
    throw StatusError.invalid(about, name, [fieldError.invalid(path.child("name"), metadata.name, detail)]);
  }
  if (metadata?.namespace && metadata.namespace !== namespace) {
    const detail = "must match the service account namespace if specified";
    throw StatusError.invalid(about, name, [fieldError.invalid(path.child("namespace"), metadata.namespace, detail)]);
  }
}

async function findAccount(
  { metadata }: TokenRequest,
  { namespace, name }: VirtualRequest,
  reader: ObjectReader,
): Promise<ServiceAccount> {
  const account = await find(reader, "serviceaccounts", namespace, name);
  const { uid } = account.metadata;
  if (metadata?.uid && metadata.uid !== uid) {
    const why = `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${uid})`;
    throw StatusError.conflict(about, name, why);
  }
  return account as ServiceAccount;
}

function checkExpiration(seconds: number): number {
  const path = new FieldPath("spec", "expirationSeconds");
  const refuse = (detail: string): never => {
    throw StatusError.invalid(about, "", [fieldError.invalid(path, seconds, detail)]);
  };
  if (seconds < minExpirationSeconds) refuse("may not specify a duration less than 10 minutes");
  if (seconds > maxExpirationSeconds) refuse("may not specify a duration larger than 2^32 seconds");
  return seconds;
}

async function findBinding(
  ref: TokenRequest["spec"]["boundObjectRef"],
  request: VirtualRequest,
  reader: ObjectReader,
): Promise<TokenBinding> {
  if (!ref) return {};
  const { group, version } = parseApiVersion(ref.apiVersion ?? "");
  const kind = group === "" ? (ref.kind ?? "") : "";
  const { binding, uid } = await readBound(kind, ref.name ?? "", request, reader, () => {
    throw StatusError.badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${ref.kind ?? ""}`);
  });
  if (ref.uid && ref.uid !== uid) {
    const why =
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. ` +
      "The object might have been deleted and then recreated";
    throw StatusError.conflict({ group, resource: kind }, ref.name ?? "", why);
  }
  return binding;
}

async function readBound(
  kind: string,
  name: string,
  request: VirtualRequest,
  reader: ObjectReader,
  refuse: () => never,
): Promise<{ readonly binding: TokenBinding; readonly uid: string | undefined }> {
  switch (kind) {
    case "Pod": {
      const pod = (await find(reader, "pods", request.namespace, name)) as Pod;
      if (pod.spec.serviceAccountName !== request.name) {
        const who = JSON.stringify(request.name);
        throw StatusError.badRequest(
          `cannot bind token for serviceaccount ${who} to pod running with different serviceaccount name.`,
        );
      }
      return { binding: { pod, node: nodeOf(pod, reader) }, uid: pod.metadata.uid };
    }
    case "Node": {
      const node = await find(reader, "nodes", "", name);
      return { binding: { node }, uid: node.metadata.uid };
    }
    case "Secret": {
      const secret = (await find(reader, "secrets", request.namespace, name)) as Secret;
      return { binding: { secret }, uid: secret.metadata.uid };
    }
    default:
      return refuse();
  }
}

/** A pod's node is told for information, so its name alone will do when it is not registered. */
function nodeOf({ spec }: Pod, reader: ObjectReader): TokenBinding["node"] {
  if (!spec.nodeName) return undefined;
  return reader.get("", "nodes", "", spec.nodeName) ?? { metadata: { name: spec.nodeName } };
}

/** Past the cache: what the caller has just seen must be found here. */
async function find(reader: ObjectReader, resource: string, namespace: string, name: string): Promise<KubeObject> {
  const object = await reader.getLive("", resource, namespace, name);
  if (!object) throw StatusError.notFound({ group: "", resource }, name);
  return object;
}
