/** The four questions to the authorizer that are API objects: may this subject do that, may I, may I here, what may I. */
import type {
  LocalSubjectAccessReview,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from "#pkg/api/authorization/v1.ts";
import type { FieldError } from "#pkg/api/field.ts";
import { StatusError } from "#pkg/api/status.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { AuthorizationAttributes, Authorizer, RuleResolver } from "../authz/authorizer.ts";
import type { UserInfo } from "../http/api-request.ts";
import { fieldSelectorText, labelSelectorText } from "./selector-text.ts";
import { validateEmptyMetadata, validateLocalScope, validateReviewSpec } from "./validate-access-review.ts";
import type { VirtualResource } from "./virtual-resource.ts";

const group = "authorization.k8s.io";

export function createAccessReviews(authorizer: Authorizer & RuleResolver): readonly VirtualResource[] {
  const common = { group, version: "v1", subresource: "" };
  return [
    {
      ...common,
      resource: "subjectaccessreviews",
      async create(object) {
        const review = object as SubjectAccessReview;
        check("SubjectAccessReview", [
          ...validateReviewSpec(review.spec, { needsSubject: true }),
          ...validateEmptyMetadata(review.metadata, { allowsNamespace: false }),
        ]);
        return { ...review, status: await decide(authorizer, subjectOf(review.spec), review.spec) };
      },
    },
    {
      ...common,
      resource: "localsubjectaccessreviews",
      async create(object, { namespace }) {
        const review = object as LocalSubjectAccessReview;
        check("LocalSubjectAccessReview", [
          ...validateReviewSpec(review.spec, { needsSubject: true }),
          ...validateEmptyMetadata(review.metadata, { allowsNamespace: true }),
          ...validateLocalScope(review.spec, review.metadata.namespace ?? ""),
        ]);
        if (review.metadata.namespace !== namespace) {
          throw StatusError.badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
        }
        return { ...review, status: await decide(authorizer, subjectOf(review.spec), review.spec) };
      },
    },
    {
      ...common,
      resource: "selfsubjectaccessreviews",
      async create(object, { user }) {
        const review = object as SelfSubjectAccessReview;
        check("SelfSubjectAccessReview", [
          ...validateReviewSpec(review.spec, { needsSubject: false }),
          ...validateEmptyMetadata(review.metadata, { allowsNamespace: false }),
        ]);
        return { ...review, status: await decide(authorizer, user, review.spec) };
      },
    },
    {
      ...common,
      resource: "selfsubjectrulesreviews",
      async create(object, { user }) {
        const review = object as SelfSubjectRulesReview;
        const namespace = review.spec?.namespace ?? "";
        if (namespace === "") throw StatusError.badRequest("no namespace on request");
        return { ...review, status: await listRules(authorizer, user, namespace) };
      },
    },
  ];
}

async function decide(
  authorizer: Authorizer,
  user: UserInfo,
  spec: Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">,
): Promise<SubjectAccessReviewStatus> {
  try {
    const { decision, reason } = await authorizer.authorize(attributesOf(user, spec));
    return {
      allowed: decision === "allow",
      ...(decision === "deny" ? { denied: true } : {}),
      ...(reason ? { reason } : {}),
    };
  } catch (error) {
    return { allowed: false, evaluationError: messageOf(error) };
  }
}

async function listRules(resolver: RuleResolver, user: UserInfo, namespace: string) {
  const { rules, errors, incomplete } = await resolver.rulesFor(user, namespace);
  const copy = (values: readonly string[] | undefined): string[] => [...(values ?? [])];
  const resourceRules = rules
    .filter((rule) => rule.resources?.length)
    .map((rule) => ({
      verbs: copy(rule.verbs),
      apiGroups: copy(rule.apiGroups),
      resources: copy(rule.resources),
      ...(rule.resourceNames?.length ? { resourceNames: copy(rule.resourceNames) } : {}),
    }));
  const nonResourceRules = rules
    .filter((rule) => rule.nonResourceURLs?.length)
    .map((rule) => ({ verbs: copy(rule.verbs), nonResourceURLs: copy(rule.nonResourceURLs) }));
  const evaluationError = errors.length > 0 ? { evaluationError: errors.join(", ") } : {};
  return { resourceRules, nonResourceRules, incomplete, ...evaluationError };
}

function subjectOf({ user, uid, groups, extra }: SubjectAccessReviewSpec): UserInfo {
  return { name: user ?? "", groups: groups ?? [], ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
}

function attributesOf(
  user: UserInfo,
  {
    resourceAttributes,
    nonResourceAttributes,
  }: Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">,
): AuthorizationAttributes {
  const nothing = { apiGroup: "", apiVersion: "", resource: "", subresource: "", namespace: "", name: "", path: "" };
  if (!resourceAttributes) {
    const { path = "", verb = "" } = nonResourceAttributes ?? {};
    return { ...nothing, user, verb, path, isResourceRequest: false };
  }
  return { ...nothing, user, isResourceRequest: true, ...partsOf(resourceAttributes) };
}

function partsOf(what: ResourceAttributes) {
  return {
    verb: what.verb ?? "",
    apiGroup: what.group ?? "",
    apiVersion: what.version || "*",
    resource: what.resource ?? "",
    subresource: what.subresource ?? "",
    namespace: what.namespace ?? "",
    name: what.name ?? "",
    fieldSelector: fieldSelectorText(what.fieldSelector),
    labelSelector: labelSelectorText(what.labelSelector),
  };
}

function check(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw StatusError.invalid({ group, resource: kind }, "", errors);
}
