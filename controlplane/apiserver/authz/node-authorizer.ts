/**
 * What a kubelet may do: its own node, lease and CSINode, and of everything else only what pods bound to it need. It only
 * allows or has no opinion; what a request would write is looked at later, by the NodeRestriction admission plugin.
 */
import { parseFieldSelector } from "#pkg/api/fields.ts";
import { nodeNameOf } from "../authn/user-names.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from "./authorizer.ts";
import { NodeRelations, type RelatedResource } from "./node-relations.ts";
import { nodeRules } from "./node-rules.ts";
import { ruleAllows } from "./rule-matching.ts";

const allowed: AuthorizationDecision = { decision: "allow", reason: "" };
const noOpinion = (reason = ""): AuthorizationDecision => ({ decision: "noOpinion", reason });

const ownObjectVerbs = ["get", "create", "update", "patch", "delete"];

type Judge = (nodeName: string, attributes: AuthorizationAttributes) => AuthorizationDecision;

export class NodeAuthorizer implements Authorizer, Disposable {
  readonly #reader: ObjectReader;
  readonly #relations: NodeRelations;
  /** By "resource.group"; other kinds follow the rules for all nodes. */
  readonly #judges: Readonly<Record<string, Judge>>;

  constructor(reader: ObjectReader) {
    this.#reader = reader;
    this.#relations = new NodeRelations(reader);
    this.#judges = {
      "secrets.": (node, one) => this.#readNamed(node, "secrets", one),
      "configmaps.": (node, one) => this.#readNamed(node, "configmaps", one),
      "persistentvolumeclaims.": (node, one) =>
        one.subresource === "status"
          ? this.#updateClaimStatus(node, one)
          : this.#get(node, "persistentvolumeclaims", one),
      "persistentvolumes.": (node, one) => this.#get(node, "persistentvolumes", one),
      "resourceclaims.resource.k8s.io": (node, one) => this.#get(node, "resourceclaims", one),
      "volumeattachments.storage.k8s.io": (node, one) => this.#getAttachment(node, one),
      "serviceaccounts.": (node, one) => this.#serviceAccount(node, one),
      "leases.coordination.k8s.io": judgeLease,
      "csinodes.storage.k8s.io": judgeCsiNode,
      "resourceslices.resource.k8s.io": (node, one) => this.#resourceSlice(node, one),
      "nodes.": judgeNode,
      "pods.": (node, one) => this.#pod(node, one),
    };
  }

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    const nodeName = nodeNameOf(attributes.user);
    if (nodeName === undefined) return noOpinion();
    if (nodeName === "") return noOpinion(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
    const judge = attributes.isResourceRequest
      ? this.#judges[`${attributes.resource}.${attributes.apiGroup}`]
      : undefined;
    if (judge) return judge(nodeName, attributes);
    return nodeRules.some((rule) => ruleAllows(rule, attributes)) ? allowed : noOpinion();
  }

  [Symbol.dispose](): void {
    this.#relations[Symbol.dispose]();
  }

  #related(nodeName: string, resource: RelatedResource, { namespace, name }: AuthorizationAttributes) {
    if (name === "") return noOpinion("No Object name found");
    return this.#relations.isRelated(nodeName, resource, namespace, name) ? allowed : unrelated(nodeName);
  }

  #get(nodeName: string, resource: RelatedResource, attributes: AuthorizationAttributes): AuthorizationDecision {
    if (attributes.verb !== "get") return noOpinion("can only get individual resources of this type");
    if (attributes.subresource !== "") return noOpinion("cannot get subresource");
    return this.#related(nodeName, resource, attributes);
  }

  #readNamed(nodeName: string, resource: RelatedResource, attributes: AuthorizationAttributes): AuthorizationDecision {
    if (!["get", "list", "watch"].includes(attributes.verb)) return noOpinion("can only read resources of this type");
    if (attributes.subresource !== "") return noOpinion("cannot read subresource");
    if (attributes.namespace === "") return noOpinion("can only read namespaced object of this type");
    return this.#related(nodeName, resource, attributes);
  }

  #updateClaimStatus(nodeName: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    if (attributes.verb !== "update" && attributes.verb !== "patch") {
      return noOpinion("can only get/update/patch this type");
    }
    return this.#related(nodeName, "persistentvolumeclaims", attributes);
  }

  #getAttachment(nodeName: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    const { verb, subresource, name } = attributes;
    if (verb !== "get") return noOpinion("can only get individual resources of this type");
    if (subresource !== "") return noOpinion("cannot get subresource");
    const spec = this.#reader.get("storage.k8s.io", "volumeattachments", "", name)?.["spec"];
    return (spec as { nodeName?: string } | undefined)?.nodeName === nodeName ? allowed : unrelated(nodeName);
  }

  #serviceAccount(nodeName: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    const { verb, subresource, name } = attributes;
    if (verb === "get" && subresource === "") return this.#readNamed(nodeName, "serviceaccounts", attributes);
    if (verb !== "create" || name === "") return noOpinion("can only create tokens for individual service accounts");
    if (subresource !== "token") return noOpinion("can only create token subresource of serviceaccount");
    return this.#related(nodeName, "serviceaccounts", attributes);
  }

  #resourceSlice(nodeName: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    const { verb, subresource, name } = attributes;
    if (subresource !== "") return noOpinion("cannot authorize ResourceSlice subresources");
    switch (verb) {
      case "create":
        return allowed;
      case "get":
      case "update":
      case "patch":
      case "delete": {
        const spec = this.#reader.get("resource.k8s.io", "resourceslices", "", name)?.["spec"];
        return (spec as { nodeName?: string } | undefined)?.nodeName === nodeName ? allowed : unrelated(nodeName);
      }
      case "watch":
      case "list":
      case "deletecollection":
        return selectsNode(attributes, nodeName, "spec.nodeName")
          ? allowed
          : noOpinion("can only list/watch/deletecollection resourceslices with nodeName field selector");
      default:
        return noOpinion(
          "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection",
        );
    }
  }

  #pod(nodeName: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    const { verb, subresource, name } = attributes;
    const action = subresource === "" ? verb : `${verb} ${subresource}`;
    switch (action) {
      case "get":
        return this.#get(nodeName, "pods", attributes);
      case "list":
      case "watch":
        if (selectsNode(attributes, nodeName, "spec.nodeName")) return allowed;
        if (name !== "") return this.#related(nodeName, "pods", attributes);
        return noOpinion("can only list/watch pods with spec.nodeName field selector");
      case "create":
      case "delete":
      case "update status":
      case "patch status":
      case "create eviction":
        return allowed;
      default:
        return noOpinion();
    }
  }
}

function judgeLease(nodeName: string, { verb, namespace, name }: AuthorizationAttributes): AuthorizationDecision {
  if (!ownObjectVerbs.includes(verb)) return noOpinion("can only get, create, update, patch, or delete a node lease");
  if (namespace !== "kube-node-lease") {
    return noOpinion('can only access leases in the "kube-node-lease" system namespace');
  }
  // The name of what is created is not known here; NodeRestriction looks at it.
  if (verb !== "create" && name !== nodeName) {
    return noOpinion("can only access node lease with the same name as the requesting node");
  }
  return allowed;
}

function judgeCsiNode(nodeName: string, { verb, subresource, name }: AuthorizationAttributes): AuthorizationDecision {
  if (!ownObjectVerbs.includes(verb)) return noOpinion("can only get, create, update, patch, or delete a CSINode");
  if (subresource !== "") return noOpinion("cannot authorize CSINode subresources");
  if (verb !== "create" && name !== nodeName) {
    return noOpinion("can only access CSINode with the same name as the requesting node");
  }
  return allowed;
}

function judgeNode(nodeName: string, { verb, subresource, name }: AuthorizationAttributes): AuthorizationDecision {
  const action = subresource === "" ? verb : `${verb} ${subresource}`;
  switch (action) {
    case "create":
    case "update":
    case "patch":
    case "update status":
    case "patch status":
      return allowed;
    case "get":
    case "list":
    case "watch":
      if (name === nodeName) return allowed;
      return noOpinion(
        name === ""
          ? `node '${nodeName}' cannot read all nodes, only its own Node object`
          : `node '${nodeName}' cannot read '${name}', only its own Node object`,
      );
    default:
      return noOpinion();
  }
}

function selectsNode({ fieldSelector }: AuthorizationAttributes, nodeName: string, field: string): boolean {
  if (!fieldSelector) return false;
  try {
    return parseFieldSelector(fieldSelector).exactValue(field) === nodeName;
  } catch {
    return false;
  }
}

function unrelated(nodeName: string): AuthorizationDecision {
  return noOpinion(`no relationship found between node '${nodeName}' and this object`);
}
