import { describe, expect, test } from "vitest";
import type { ManagedFieldsEntry } from "#pkg/api/meta/v1.ts";
import { builtinReplicasPaths, managedFieldsAfterScale, managedFieldsOfScale } from "./scale-managed-fields.ts";

const paths = builtinReplicasPaths("apps/v1");
const entry = (manager: string, fieldsV1: object, more: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry => ({
  manager,
  operation: "Update",
  apiVersion: "apps/v1",
  time: "2026-01-01T00:00:00Z",
  fieldsType: "FieldsV1",
  fieldsV1: fieldsV1 as NonNullable<ManagedFieldsEntry["fieldsV1"]>,
  ...more,
});
const replicas = { "f:spec": { "f:replicas": {} } };
const both = { "f:spec": { "f:paused": {}, "f:replicas": {} } };

describe("managedFieldsOfScale", () => {
  test("shows who manages the replicas, as managers of a Scale", () => {
    const parent = [
      entry("one", both),
      entry("two", { "f:spec": { "f:paused": {} } }),
      entry("old", both, { apiVersion: "x/v1" }),
    ];
    expect(managedFieldsOfScale(parent, paths)).toEqual([entry("one", replicas, { apiVersion: "autoscaling/v1" })]);
  });
});

describe("managedFieldsAfterScale", () => {
  const scaled = (manager: string, more: Partial<ManagedFieldsEntry> = {}) =>
    entry(manager, replicas, { apiVersion: "autoscaling/v1", ...more });

  test("the scaler takes the replicas from their manager and nothing else", () => {
    const scaler = scaled("hpa", { subresource: "scale", time: "2026-02-01T00:00:00Z" });
    expect(managedFieldsAfterScale([entry("one", both)], [scaler], "apps/v1", paths)).toEqual([
      entry("one", { "f:spec": { "f:paused": {} } }),
      entry("hpa", replicas, { subresource: "scale", time: "2026-02-01T00:00:00Z" }),
    ]);
  });

  test("an entry that owned the replicas alone goes", () => {
    expect(managedFieldsAfterScale([entry("one", replicas)], [scaled("two")], "apps/v1", paths)).toEqual([
      entry("two", replicas),
    ]);
  });

  test("nothing changes when the replicas stay with their manager", () => {
    const parent = [entry("one", both)];
    expect(managedFieldsAfterScale(parent, managedFieldsOfScale(parent, paths), "apps/v1", paths)).toEqual(parent);
  });

  test("an applier keeps its entry under one name in both", () => {
    const parent = [entry("one", both, { operation: "Apply" })];
    expect(managedFieldsAfterScale(parent, managedFieldsOfScale(parent, paths), "apps/v1", paths)).toEqual(parent);
  });
});
