/** Conditions as upstream's controllers keep them: lastTransitionTime moves only when the status does. Pure. */

export interface ConditionLike {
  readonly type: string;
  readonly status: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly lastTransitionTime?: string | undefined;
  readonly lastUpdateTime?: string | undefined;
}

/** The list with `wanted` in it; the same list when nothing but times would change. */
export function withCondition<T extends ConditionLike>(list: readonly T[] | undefined, wanted: T): readonly T[] {
  const known = list?.find(({ type }) => type === wanted.type);
  if (known && known.status === wanted.status && known.reason === wanted.reason && known.message === wanted.message)
    return list ?? [];
  const kept =
    known && known.status === wanted.status ? { ...wanted, lastTransitionTime: known.lastTransitionTime } : wanted;
  return [...(list ?? []).filter(({ type }) => type !== wanted.type), kept];
}

export function withoutCondition<T extends ConditionLike>(list: readonly T[] | undefined, type: string): readonly T[] {
  return (list ?? []).filter((condition) => condition.type !== type);
}
