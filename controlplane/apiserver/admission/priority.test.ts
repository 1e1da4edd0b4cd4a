import { beforeEach, describe, expect, test } from "vitest";
import type { PriorityClass } from "#pkg/api/scheduling/v1.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { priority } from "./priority.ts";
import { admit, whyRefused } from "./testing/request.ts";

let objects: MemoryObjects;

beforeEach(() => {
  objects = new MemoryObjects();
  put("high", 1000);
});

function put(name: string, value: number, more: Partial<PriorityClass> = {}): void {
  objects.put<PriorityClass>("scheduling.k8s.io", "priorityclasses", { metadata: { name }, value, ...more });
}

const create = async (spec: object) =>
  (await admit(priority(objects), { what: "CREATE pods shop/web", object: { spec } })).object?.["spec"];
const why = (spec: object) => whyRefused(priority(objects), { what: "CREATE pods shop/web", object: { spec } });

describe("Priority on pods", () => {
  test("is zero without any class", async () => {
    expect(await create({})).toEqual({ priority: 0, preemptionPolicy: "PreemptLowerPriority" });
  });

  test("comes from the class, with its preemption policy", async () => {
    expect(await create({ priorityClassName: "high" })).toEqual({ priorityClassName: "high", priority: 1000 });
    put("calm", 10, { preemptionPolicy: "Never" });
    expect(await create({ priorityClassName: "calm" })).toMatchObject({ priority: 10, preemptionPolicy: "Never" });
  });

  test("comes from the default class, the lowest when a race made two", async () => {
    put("b", 20, { globalDefault: true });
    put("a", 10, { globalDefault: true });
    expect(await create({})).toMatchObject({ priorityClassName: "a", priority: 10 });
  });

  test.each([
    [{ priorityClassName: "low" }, "no PriorityClass with name low was found"],
    [
      { priorityClassName: "high", priority: 7 },
      "the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name",
    ],
    [
      { preemptionPolicy: "Never" },
      "the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name",
    ],
    [{ priorityClassName: "high", priority: 1000 }, ""],
  ])("judges %j", async (spec, expected) => {
    expect(await why(spec)).toBe(expected);
  });

  test("is kept for clients that do not know the fields", async () => {
    const oldObject = { spec: { priority: 5, preemptionPolicy: "Never" } };
    const { object } = await admit(priority(objects), {
      what: "UPDATE pods shop/web",
      oldObject,
      object: { spec: {} },
    });
    expect(object?.["spec"]).toEqual(oldObject.spec);
  });
});

describe("Priority on classes", () => {
  test("lets only one be the default", async () => {
    put("first", 1, { globalDefault: true });
    const judge = (what: string) => whyRefused(priority(objects), { what, object: { value: 2, globalDefault: true } });
    const refusal = "PriorityClass first is already marked as default. Only one default can exist";
    expect(await judge("CREATE priorityclasses.scheduling.k8s.io second")).toBe(refusal);
    expect(await judge("UPDATE priorityclasses.scheduling.k8s.io high")).toBe(refusal);
    expect(await judge("UPDATE priorityclasses.scheduling.k8s.io first")).toBe("");
  });
});
