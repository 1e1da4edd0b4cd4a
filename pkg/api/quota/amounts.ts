/** Arithmetic on sets of named amounts, as quotas count them. */
import { parseQuantity, type Quantity } from "../quantity.ts";

/** Quota name ("pods", "requests.cpu", "count/jobs.batch") to amount. */
export type QuotaAmounts = ReadonlyMap<string, Quantity>;

export function parseAmounts(list: Readonly<Record<string, string>> | undefined): QuotaAmounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]));
}

export function formatAmounts(amounts: QuotaAmounts): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, amount.toString()]));
}

/** Only these names. */
export function maskAmounts(amounts: QuotaAmounts, names: Iterable<string>): QuotaAmounts {
  const wanted = new Set(names);
  return new Map([...amounts].filter(([name]) => wanted.has(name)));
}

export function addAmounts(a: QuotaAmounts, b: QuotaAmounts): QuotaAmounts {
  const sum = new Map(a);
  for (const [name, amount] of b) sum.set(name, sum.get(name)?.add(amount) ?? amount);
  return sum;
}

/** What `a` has more than `b`, and nothing below zero. */
export function growthOf(a: QuotaAmounts, b: QuotaAmounts): QuotaAmounts {
  const growth = new Map<string, Quantity>();
  for (const [name, amount] of a) {
    const before = b.get(name);
    const more = before ? amount.sub(before) : amount;
    if (more.sign > 0) growth.set(name, more);
  }
  return growth;
}

export function withoutZeros(amounts: QuotaAmounts): QuotaAmounts {
  return new Map([...amounts].filter(([, amount]) => !amount.isZero));
}

/** Names whose amount is above the limit of that name. */
export function exceededNames(amounts: QuotaAmounts, limits: QuotaAmounts): readonly string[] {
  return [...amounts].flatMap(([name, amount]) => {
    const limit = limits.get(name);
    return limit && amount.compare(limit) > 0 ? [name] : [];
  });
}

/** `limits.cpu=1,pods=5`, sorted: the form of quota errors. */
export function describeAmounts(amounts: QuotaAmounts): string {
  const parts = [...amounts].map(([name, amount]) => `${name}=${amount}`);
  return parts.sort().join(",");
}
