import { describe, expect, test } from "vitest";
import type { PodStatus } from "#pkg/api/core/v1.ts";
import { buildStatusPatch } from "./build-status-patch.ts";

const ready = { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" };
const from: PodStatus = { phase: "Running", reason: "Old", conditions: [ready], podIPs: [{ ip: "10.0.0.1" }] };

describe("buildStatusPatch", () => {
  test("equal statuses need no patch, also when fields of others differ", () => {
    expect(buildStatusPatch("u", from, { ...from })).toBeUndefined();
    const theirs = { ...from, nominatedNodeName: "n", conditions: [ready, { type: "Other", status: "True" }] };
    expect(buildStatusPatch("u", theirs, from)).toBeUndefined();
  });

  test("only what changed is in it, and the UID", () => {
    expect(buildStatusPatch("u", from, { ...from, phase: "Failed" })).toEqual({
      metadata: { uid: "u" },
      status: { phase: "Failed" },
    });
  });

  test("a field that is gone is taken out", () => {
    const { reason: _reason, ...without } = from;
    expect(buildStatusPatch("u", from, without)?.status).toEqual({ reason: null });
  });

  test("conditions are written one by one", () => {
    const to = {
      ...from,
      conditions: [
        { ...ready, status: "False", reason: "R" },
        { type: "New", status: "True" },
      ],
    };
    expect(buildStatusPatch("u", from, to)?.status).toEqual({
      conditions: [
        { ...ready, status: "False", reason: "R", message: null },
        { type: "New", status: "True", reason: null, message: null },
      ],
    });
  });

  test("an address that changed replaces the old one", () => {
    expect(buildStatusPatch("u", from, { ...from, podIPs: [{ ip: "10.0.0.2" }] })?.status).toEqual({
      podIPs: [{ ip: "10.0.0.1", $patch: "delete" }, { ip: "10.0.0.2" }],
    });
  });
});
