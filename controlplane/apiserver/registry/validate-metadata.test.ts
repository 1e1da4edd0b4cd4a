import { describe, expect, test } from "vitest";
import type { ObjectMeta } from "#pkg/api/meta/v1.ts";
import { nameIsSubdomain } from "#pkg/api/names.ts";
import { validateMetadata, validateMetadataUpdate } from "./validate-metadata.ts";

const good: ObjectMeta = { name: "a", namespace: "default" };
const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs", uid: "u1" };

describe("validateMetadata", () => {
  function messages(metadata: Partial<ObjectMeta>, namespaced = true): string[] {
    return validateMetadata({ ...good, ...metadata }, namespaced, nameIsSubdomain).map((error) => error.message);
  }

  test("accepts what is right", () => {
    const metadata: ObjectMeta = {
      labels: { "example.com/app": "web", empty: "" },
      annotations: { "Example.com/Any": "any text\n at all" },
      finalizers: ["example.com/hold", "orphan"],
      ownerReferences: [{ ...owner, controller: true }, owner],
    };
    expect(messages(metadata)).toEqual([]);
    expect(messages({ name: "n", namespace: undefined }, false)).toEqual([]);
  });

  const cases: readonly [Partial<ObjectMeta>, string][] = [
    [{ name: "" }, "metadata.name: Required value: name or generateName is required"],
    [{ name: "Bad" }, 'metadata.name: Invalid value: "Bad": a lowercase RFC 1123 subdomain must consist of'],
    [{ generateName: "Bad-" }, 'metadata.generateName: Invalid value: "Bad-": a lowercase RFC 1123'],
    [{ namespace: "" }, "metadata.namespace: Required value"],
    [{ namespace: "A" }, 'metadata.namespace: Invalid value: "A": a lowercase RFC 1123 label'],
    [{ generation: -1 }, "metadata.generation: Invalid value: -1: must be greater than or equal to 0"],
    [{ labels: { "a b": "x" } }, 'metadata.labels: Invalid value: "a b": name part must consist of'],
    [
      { labels: { a: "x y" } },
      'metadata.labels: Invalid value: "x y": a valid label must be an empty string or consist',
    ],
    [{ annotations: { "a b": "" } }, 'metadata.annotations: Invalid value: "a b": name part must consist of'],
    [{ annotations: { a: "x".repeat(262_144) } }, "metadata.annotations: Too long: may not be more than 262144 bytes"],
    [{ finalizers: ["a b"] }, 'metadata.finalizers: Invalid value: "a b": name part must consist of'],
    [
      { finalizers: ["orphan", "foregroundDeletion"] },
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    ],
    [
      { ownerReferences: [{ ...owner, uid: "" }] },
      'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ],
    [
      { ownerReferences: [{ ...owner, apiVersion: "apps/" }] },
      'metadata.ownerReferences.apiVersion: Invalid value: "apps/": version must not be empty',
    ],
    [
      { ownerReferences: [{ ...owner, apiVersion: "v1", kind: "Event" }] },
      "/v1, Kind=Event is disallowed from being an owner",
    ],
    [
      {
        ownerReferences: [
          { ...owner, controller: true },
          { ...owner, name: "b", controller: true },
        ],
      },
      'Only one reference can have Controller set to true. Found "true" in references for ReplicaSet/rs and ReplicaSet/b',
    ],
  ];

  test.each(cases)("%j is refused", (metadata, text) => {
    expect(messages(metadata)).toEqual([expect.stringContaining(text)]);
  });

  test("a cluster-scoped object has no namespace", () => {
    expect(messages({}, false)).toEqual(["metadata.namespace: Forbidden: not allowed on this type"]);
  });
});

describe("validateMetadataUpdate", () => {
  const stored: ObjectMeta = {
    ...good,
    uid: "u",
    resourceVersion: "5",
    generation: 2,
    creationTimestamp: "2026-01-01T00:00:00Z",
  };

  function messages(change: Partial<ObjectMeta>, current: Partial<ObjectMeta> = {}): string[] {
    const old = { ...stored, ...current };
    return validateMetadataUpdate({ ...old, ...change }, old).map((error) => error.message);
  }

  test.each<[Partial<ObjectMeta>, string]>([
    [{ name: "b" }, 'metadata.name: Invalid value: "b": field is immutable'],
    [{ namespace: "other" }, 'metadata.namespace: Invalid value: "other": field is immutable'],
    [{ uid: "v" }, 'metadata.uid: Invalid value: "v": field is immutable'],
    [
      { creationTimestamp: "2025-01-01T00:00:00Z" },
      'metadata.creationTimestamp: Invalid value: "2025-01-01T00:00:00Z": field is immutable',
    ],
    [{ generation: 1 }, "metadata.generation: Invalid value: 1: must not be decremented"],
    [{ resourceVersion: "" }, 'metadata.resourceVersion: Invalid value: "": must be specified for an update'],
    [{ labels: { "a b": "" } }, 'metadata.labels: Invalid value: "a b"'],
    [{ deletionTimestamp: "2026-01-01T00:00:00Z" }, "metadata.deletionTimestamp: Invalid value:"],
  ])("%j is refused", (change, text) => {
    expect(messages(change)).toEqual([expect.stringContaining(text)]);
  });

  test("an object that is being deleted takes no new finalizers but gives up old ones", () => {
    const current = { deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a", "b"] };
    expect(messages({ finalizers: ["b"] }, current)).toEqual([]);
    expect(messages({ finalizers: ["b", "c"] }, current)).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"c"}',
    ]);
  });
});
