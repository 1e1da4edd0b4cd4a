/**
 * Certificate signing requests. Who asks is written down by the server; only approval and status change afterwards, each
 * its own part.
 */
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition as Condition,
} from "#pkg/api/certificates/v1.ts";
import { nameIsPathSegment } from "#pkg/api/names.ts";
import { formatTime } from "#pkg/system/clock.ts";
import type { UserInfo } from "../http/api-request.ts";
import { defineStrategy } from "./define-strategy.ts";
import {
  validateApproval,
  validateIssued,
  validateSigningRequest,
  validateSigningRequestUpdate,
} from "./validation/certificate-signing-request.ts";

export const certificateSigningRequestStrategy = defineStrategy<CertificateSigningRequest>(
  "certificates/v1.CertificateSigningRequest",
  {
    hasGeneration: false,
    validateName: nameIsPathSegment,
    prepareForCreate(request, { user }) {
      const { username: _, uid: _uid, groups: _groups, extra: _extra, ...asked } = request.spec;
      request.spec = { ...asked, ...requester(user) };
      request.status = {};
    },
    validate: validateSigningRequest,
    prepareForUpdate(next, current) {
      next.spec = current.spec;
    },
    validateUpdate: validateSigningRequestUpdate,
    subresources: {
      status: {
        prepareForUpdate(next, current, { nowMs }) {
          const given = keepDecisions(next.status?.conditions ?? [], current.status?.conditions ?? []);
          next.status = { ...next.status, conditions: withTimes(given, current, formatTime(nowMs)) };
        },
        validateUpdate: validateIssued,
      },
      approval: {
        prepareForUpdate(next, current, { nowMs }) {
          const conditions = withTimes(next.status?.conditions ?? [], current, formatTime(nowMs));
          next.spec = current.spec;
          next.status = { ...current.status, conditions };
        },
        validateUpdate: validateApproval,
      },
    },
    selectableFields: ({ spec }: Partial<CertificateSigningRequest>) => ({ "spec.signerName": spec?.signerName ?? "" }),
  },
);

function requester({ name, uid, groups, extra }: UserInfo): Partial<CertificateSigningRequest["spec"]> {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    ...(groups.length > 0 ? { groups: [...groups] } : {}),
    ...(extra && Object.keys(extra).length > 0
      ? { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) }
      : {}),
  };
}

/** Whoever issues the certificate does not touch what was decided. */
function keepDecisions(next: readonly Condition[], current: readonly Condition[]): readonly Condition[] {
  let conditions = next;
  for (const type of ["Approved", "Denied"]) {
    const decided = current.filter((condition) => condition.type === type);
    if (decided.length !== conditions.filter((condition) => condition.type === type).length) continue;
    const rest = [...decided];
    conditions = conditions.map((condition) => (condition.type === type ? (rest.shift() ?? condition) : condition));
  }
  return conditions;
}

function withTimes(next: readonly Condition[], current: CertificateSigningRequest, now: string): Condition[] {
  return next.map((condition) => {
    const same = current.status?.conditions?.find(
      ({ type, status, lastTransitionTime }) =>
        type === condition.type && status === condition.status && lastTransitionTime,
    );
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? now,
      lastTransitionTime: condition.lastTransitionTime ?? same?.lastTransitionTime ?? now,
    };
  });
}
