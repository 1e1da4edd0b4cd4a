/** The constraints of a LimitRange on one set of requests and limits. Pure; texts are upstream's. */
import type { LimitRangeItem } from "#pkg/api/core/v1.ts";
import { parseQuantity, type Quantity } from "#pkg/api/quantity.ts";

export type Amounts = ReadonlyMap<string, Quantity>;

export function amountsOf(list: Readonly<Record<string, string>> | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]));
}

/** What is wrong with a container, or a pod as a whole, under one item of a LimitRange. */
export function limitProblems(item: LimitRangeItem, requests: Amounts, limits: Amounts): readonly string[] {
  const each = (
    list: Readonly<Record<string, string>> | undefined,
    check: (name: string, enforced: Quantity) => string | undefined,
  ): readonly string[] => Object.entries(list ?? {}).flatMap(([name, text]) => check(name, parseQuantity(text)) ?? []);
  return [
    ...each(item.min, (name, enforced) => minProblem(item.type, name, enforced, requests.get(name), limits.get(name))),
    ...each(item.max, (name, enforced) => maxProblem(item.type, name, enforced, requests.get(name), limits.get(name))),
    ...each(item.maxLimitRequestRatio, (name, enforced) =>
      ratioProblem(item.type, name, enforced, requests.get(name), limits.get(name)),
    ),
  ];
}

/** Claims have requests only, so the greatest size is held against those. */
export function claimProblems(item: LimitRangeItem, requests: Amounts): readonly string[] {
  const tooSmall = Object.entries(item.min ?? {}).map(([name, text]) =>
    minProblem(item.type, name, parseQuantity(text), requests.get(name), undefined),
  );
  const tooLarge = Object.entries(item.max ?? {}).map(([name, text]) => {
    const request = requests.get(name);
    const enforced = parseQuantity(text);
    const usage = `maximum ${name} usage per ${item.type} is ${enforced}`;
    if (!request) return `${usage}.  No request is specified`;
    return request.compare(enforced) > 0 ? `${usage}, but request is ${request}` : undefined;
  });
  return [...tooSmall, ...tooLarge].filter((problem) => problem !== undefined);
}

function minProblem(
  type: string,
  name: string,
  enforced: Quantity,
  request: Quantity | undefined,
  limit: Quantity | undefined,
): string | undefined {
  const usage = `minimum ${name} usage per ${type} is ${enforced}`;
  if (!request) return `${usage}.  No request is specified`;
  if (request.compare(enforced) < 0) return `${usage}, but request is ${request}`;
  return limit && limit.compare(enforced) < 0 ? `${usage}, but limit is ${limit}` : undefined;
}

function maxProblem(
  type: string,
  name: string,
  enforced: Quantity,
  request: Quantity | undefined,
  limit: Quantity | undefined,
): string | undefined {
  const usage = `maximum ${name} usage per ${type} is ${enforced}`;
  if (!limit) return `${usage}.  No limit is specified`;
  if (limit.compare(enforced) > 0) return `${usage}, but limit is ${limit}`;
  return request && request.compare(enforced) > 0 ? `${usage}, but request is ${request}` : undefined;
}

function ratioProblem(
  type: string,
  name: string,
  enforced: Quantity,
  request: Quantity | undefined,
  limit: Quantity | undefined,
): string | undefined {
  const ratio = `${name} max limit to request ratio per ${type} is ${enforced}`;
  if (!request || request.isZero) return `${ratio}, but no request is specified or request is 0`;
  if (!limit || limit.isZero) return `${ratio}, but no limit is specified or limit is 0`;
  const provided = Number(limit.milliValue()) / Number(request.milliValue());
  return provided > enforced.toNumber() ? `${ratio}, but provided ratio is ${provided.toFixed(6)}` : undefined;
}
