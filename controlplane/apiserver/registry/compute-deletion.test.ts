import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { ObjectMeta } from "#pkg/api/meta/v1.ts";
import { computeDeletion, type DeletionRequest, isFinishedByUpdate } from "./compute-deletion.ts";
import type { Strategy } from "./strategy.ts";

const nowMs = Date.UTC(2026, 0, 1, 12);
const now = "2026-01-01T12:00:00Z";
const in30 = "2026-01-01T12:00:30Z";
const plain: Strategy = {};
const graceful: Strategy = { gracePeriodSeconds: (_object, requested) => requested ?? 30 };
const orphaning: Strategy = { defaultPropagation: "Orphan" };

function deletion(
  metadata: Partial<ObjectMeta>,
  request: DeletionRequest,
  strategy: Strategy,
): string | Partial<ObjectMeta> {
  const current: KubeObject = { metadata: { name: "a", ...metadata } };
  const before = structuredClone(current);
  const result = computeDeletion(current, request, strategy, nowMs);
  expect(current).toEqual(before);
  if (result.kind !== "mark") return result.kind;
  const { name: _name, ...rest } = result.object.metadata;
  return rest;
}

describe("computeDeletion", () => {
  const cases: readonly [string, Partial<ObjectMeta>, DeletionRequest, Strategy, string | Partial<ObjectMeta>][] = [
    ["nothing holds it", {}, {}, plain, "remove"],
    ["background", {}, { propagationPolicy: "Background" }, plain, "remove"],
    [
      "a finalizer holds it",
      { finalizers: ["a/b"], generation: 3 },
      {},
      plain,
      { finalizers: ["a/b"], generation: 4, deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
    ],
    [
      "foreground puts its finalizer on",
      {},
      { propagationPolicy: "Foreground" },
      plain,
      { finalizers: ["foregroundDeletion"], deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
    ],
    [
      "orphan replaces foreground",
      { finalizers: ["foregroundDeletion", "x/y"] },
      { propagationPolicy: "Orphan" },
      plain,
      { finalizers: ["x/y", "orphan"], deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
    ],
    [
      "orphanDependents is the old word for it",
      {},
      { orphanDependents: true },
      plain,
      { finalizers: ["orphan"], deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
    ],
    ["orphanDependents false overrides the kind's default", {}, { orphanDependents: false }, orphaning, "remove"],
    [
      "the kind orphans by default",
      {},
      {},
      orphaning,
      { finalizers: ["orphan"], deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
    ],
    [
      "background takes a waiting orphan finalizer off",
      { finalizers: ["orphan"] },
      { propagationPolicy: "Background" },
      plain,
      "remove",
    ],
    [
      "a finalizer that is there decides when the request does not",
      { finalizers: ["orphan"] },
      {},
      plain,
      { finalizers: ["orphan"], deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
    ],
    [
      "grace from the kind",
      { generation: 1 },
      {},
      graceful,
      { generation: 2, deletionTimestamp: in30, deletionGracePeriodSeconds: 30 },
    ],
    ["grace 0 at once", {}, { gracePeriodSeconds: 0 }, graceful, "remove"],
    [
      "negative grace is one second",
      {},
      { gracePeriodSeconds: -5 },
      graceful,
      { deletionTimestamp: "2026-01-01T12:00:01Z", deletionGracePeriodSeconds: 1 },
    ],
    [
      "grace 0 and a finalizer",
      { finalizers: ["a/b"] },
      { gracePeriodSeconds: 0 },
      graceful,
      { finalizers: ["a/b"], deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
    ],
    ["again without a grace", { deletionTimestamp: in30, deletionGracePeriodSeconds: 30 }, {}, graceful, "pending"],
    [
      "again with a longer grace",
      { deletionTimestamp: in30, deletionGracePeriodSeconds: 30 },
      { gracePeriodSeconds: 60 },
      graceful,
      "pending",
    ],
    [
      "again with a shorter grace, counted from the first request",
      { deletionTimestamp: in30, deletionGracePeriodSeconds: 30, generation: 2 },
      { gracePeriodSeconds: 10 },
      graceful,
      { deletionTimestamp: "2026-01-01T12:00:10Z", deletionGracePeriodSeconds: 10, generation: 2 },
    ],
    [
      "again with grace 0",
      { deletionTimestamp: in30, deletionGracePeriodSeconds: 30 },
      { gracePeriodSeconds: 0 },
      graceful,
      "remove",
    ],
    ["marked without a grace on record", { deletionTimestamp: in30 }, {}, graceful, "remove"],
  ];

  test.each(cases)("%s", (_what, metadata, request, strategy, expected) => {
    expect(deletion(metadata, request, strategy)).toEqual(expected);
  });

  test("what the strategy says holds it is marked and prepared", () => {
    const strategy: Strategy = {
      isHeld: (object) => ((object["spec"] as { finalizers?: string[] }).finalizers ?? []).length > 0,
      prepareForDeletion: (object) => {
        object["status"] = { phase: "Terminating" };
      },
    };
    const namespace: KubeObject = { metadata: { name: "n" }, spec: { finalizers: ["kubernetes"] } };
    expect(computeDeletion(namespace, {}, strategy, nowMs)).toMatchObject({
      kind: "mark",
      object: { metadata: { deletionTimestamp: now }, status: { phase: "Terminating" } },
    });
    expect(namespace["status"]).toBeUndefined();
    expect(computeDeletion({ ...namespace, spec: {} }, {}, strategy, nowMs)).toEqual({ kind: "remove" });
  });
});

describe("isFinishedByUpdate", () => {
  const marked = { deletionTimestamp: now, deletionGracePeriodSeconds: 0 };

  test.each<[string, Partial<ObjectMeta>, Partial<ObjectMeta>, boolean]>([
    ["the last finalizer goes", { ...marked }, { ...marked, finalizers: ["a"] }, true],
    ["one of two goes", { ...marked, finalizers: ["b"] }, { ...marked, finalizers: ["a", "b"] }, false],
    ["it is not being deleted", {}, { finalizers: ["a"] }, false],
    ["its grace still runs", {}, { deletionTimestamp: in30, deletionGracePeriodSeconds: 30, finalizers: ["a"] }, false],
  ])("%s", (_what, next, current, expected) => {
    expect(isFinishedByUpdate({ metadata: next }, { metadata: current }, plain)).toBe(expected);
  });

  test("not while the strategy says it is held", () => {
    expect(isFinishedByUpdate({ metadata: {} }, { metadata: marked }, { isHeld: () => true })).toBe(false);
  });
});
