import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { structSchema } from "../patch/table-schema.ts";
import type { JsonObject } from "../patch/value-schema.ts";
import { compareObjects, comparePlain } from "./compare.ts";
import { formatFieldSet } from "./fields-v1.ts";
import { goForm } from "./go-form.ts";
import { mergeObjects } from "./merge.ts";
import { formatPath } from "./path-element.ts";
import { removeFields } from "./remove-items.ts";
import { toFieldSet } from "./to-field-set.ts";
import { findTypeErrors } from "./validate-typed.ts";

const names = (set: Iterable<Parameters<typeof formatPath>[0]>) => [...set].map(formatPath);

describe("compareObjects", () => {
  const cases: [string, string, JsonObject | undefined, JsonObject, string[], string[]][] = [
    ["a changed leaf", "apps/v1.DeploymentSpec", { replicas: 1 }, { replicas: 2 }, [".replicas"], []],
    [
      "an added and a removed leaf",
      "apps/v1.DeploymentSpec",
      { replicas: 1 },
      { paused: true },
      [".paused"],
      [".replicas"],
    ],
    [
      "a new map owns itself and its keys",
      "meta/v1.ObjectMeta",
      {},
      { labels: { a: "1" } },
      [".labels", ".labels.a"],
      [],
    ],
    [
      "a new key owns itself alone",
      "meta/v1.ObjectMeta",
      { labels: { a: "1" } },
      { labels: { a: "1", b: "2" } },
      [".labels.b"],
      [],
    ],
    [
      "a map that goes takes its keys along",
      "meta/v1.ObjectMeta",
      { labels: { a: "1" } },
      {},
      [],
      [".labels", ".labels.a"],
    ],
    [
      "an atomic map is one leaf",
      "core/v1.PodSpec",
      { nodeSelector: { a: "1" } },
      { nodeSelector: { b: "1" } },
      [".nodeSelector"],
      [],
    ],
    [
      "an atomic list is one leaf",
      "core/v1.PodSpec",
      { tolerations: [{ key: "a" }] },
      { tolerations: [{ key: "b" }] },
      [".tolerations"],
      [],
    ],
    [
      "an atomic struct is one leaf",
      "apps/v1.DeploymentSpec",
      { selector: { matchLabels: { a: "1" } } },
      { selector: { matchLabels: { a: "2" } } },
      [".selector"],
      [],
    ],
    [
      "order does not matter in a map list",
      "core/v1.PodSpec",
      { containers: [{ name: "a" }, { name: "b" }] },
      { containers: [{ name: "b" }, { name: "a" }] },
      [],
      [],
    ],
    [
      "an item is known by its key",
      "core/v1.PodSpec",
      { containers: [{ name: "a", image: "1" }] },
      { containers: [{ name: "a", image: "2" }] },
      ['.containers[name="a"].image'],
      [],
    ],
    [
      "a new item owns itself, its fields, and what it holds by value",
      "core/v1.PodSpec",
      { containers: [] },
      { containers: [{ name: "a" }] },
      ['.containers[name="a"]', '.containers[name="a"].name', '.containers[name="a"].resources'],
      [],
    ],
    [
      "a missing key field counts with its default",
      "core/v1.Container",
      { ports: [{ containerPort: 80, protocol: "TCP" }] },
      { ports: [{ containerPort: 80, name: "x" }] },
      ['.ports[containerPort=80,protocol="TCP"].name'],
      ['.ports[containerPort=80,protocol="TCP"].protocol'],
    ],
    [
      "the same port of another protocol is another item",
      "core/v1.Container",
      { ports: [{ containerPort: 53, protocol: "TCP" }] },
      {
        ports: [
          { containerPort: 53, protocol: "TCP" },
          { containerPort: 53, protocol: "UDP" },
        ],
      },
      [
        '.ports[containerPort=53,protocol="UDP"]',
        '.ports[containerPort=53,protocol="UDP"].containerPort',
        '.ports[containerPort=53,protocol="UDP"].protocol',
      ],
      [],
    ],
    [
      "an item of a set is its value",
      "meta/v1.ObjectMeta",
      { finalizers: ["a", "b"] },
      { finalizers: ["b", "c"] },
      ['.finalizers[="c"]'],
      ['.finalizers[="a"]'],
    ],
    [
      "a struct held by value is always there",
      "apps/v1.Deployment",
      undefined,
      { spec: { replicas: 1 } },
      [".spec.replicas"],
      [],
    ],
    [
      "a struct behind a pointer is not",
      "apps/v1.DeploymentStrategy",
      {},
      { rollingUpdate: { maxSurge: 1 } },
      [".rollingUpdate", ".rollingUpdate.maxSurge"],
      [],
    ],
    [
      "empty means absent where Go leaves it out",
      "core/v1.PodSpec",
      {},
      { hostNetwork: false, volumes: [], hostname: "" },
      [],
      [],
    ],
    [
      "but not behind a pointer",
      "core/v1.PodSpec",
      {},
      { automountServiceAccountToken: false },
      [".automountServiceAccountToken"],
      [],
    ],
    ["null means absent", "core/v1.PodSpec", { hostname: "a" }, { hostname: null }, [], [".hostname"]],
    [
      "an empty object behind a pointer is a leaf",
      "core/v1.PodSpec",
      {},
      { securityContext: {} },
      [".securityContext"],
      [],
    ],
    [
      "duplicates are one",
      "core/v1.Container",
      { env: [{ name: "A", value: "1" }] },
      {
        env: [
          { name: "A", value: "1" },
          { name: "A", value: "2" },
        ],
      },
      ['.env[name="A"]'],
      ['.env[name="A"]', '.env[name="A"].name', '.env[name="A"].value'],
    ],
  ];

  test.each(cases)("%s", (_, type, left, right, changed, removed) => {
    const comparison = compareObjects(left, right, structSchema(type));
    expect(names(comparison.changed.paths()).toSorted()).toEqual(changed.toSorted());
    expect(names(comparison.removed.paths()).toSorted()).toEqual(removed.toSorted());
  });

  test("throws for an item without any key", () => {
    expect(() => compareObjects({}, { containers: [{ image: "x" }] }, structSchema("core/v1.PodSpec"))).toThrow(
      'omits all key fields ["name"]',
    );
  });
});

const text = fc.constantFrom("a", "b", "c");
const container = (name: string) =>
  fc.record(
    {
      name: fc.constant(name),
      image: text,
      command: fc.array(text, { minLength: 1, maxLength: 2 }),
      env: fc.uniqueArray(fc.record({ name: text, value: text }), {
        minLength: 1,
        maxLength: 3,
        selector: (one) => one.name,
      }),
    },
    { requiredKeys: ["name"] },
  );
const podSpec = fc.record(
  {
    containers: fc
      .uniqueArray(text, { minLength: 1, maxLength: 3 })
      .chain((some) => fc.tuple(...some.map((name) => container(name)))),
    nodeSelector: fc.dictionary(text, text, { minKeys: 1 }),
    securityContext: fc.record({ runAsUser: fc.nat(3), supplementalGroups: fc.array(fc.nat(2), { minLength: 1 }) }),
    hostname: text,
    priority: fc.nat(2),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;
const schema = structSchema("core/v1.PodSpec");

describe("mergeObjects, removeFields, toFieldSet and the comparisons", () => {
  test("an object is no different from itself", () => {
    fc.assert(
      fc.property(podSpec, (spec) => {
        const { changed, removed } = compareObjects(spec, structuredClone(spec), schema);
        expect(changed.isEmpty && removed.isEmpty).toBe(true);
      }),
    );
  });

  test("what one direction adds, the other removes", () => {
    fc.assert(
      fc.property(podSpec, podSpec, (left, right) => {
        const [there, back] = [comparePlain(left, right, schema), comparePlain(right, left, schema)];
        const added = there.changed.difference(back.changed);
        expect(formatFieldSet(added)).toEqual(formatFieldSet(back.removed));
      }),
    );
  });

  test("merging is idempotent, changes only what is applied, and the result has all that was applied", () => {
    fc.assert(
      fc.property(podSpec, podSpec, (live, applied) => {
        const merged = mergeObjects(live, applied, schema);
        expect(mergeObjects(merged, applied, schema)).toEqual(merged);
        expect(mergeObjects(live, live, schema)).toEqual(live);
        expect(mergeObjects(live, {}, schema)).toEqual(live);
        expect(toFieldSet(applied, schema).difference(toFieldSet(merged, schema)).isEmpty).toBe(true);
        expect(comparePlain(live, merged, schema).removed.isEmpty).toBe(true);
        expect(comparePlain(applied, merged, schema).removed.isEmpty).toBe(true);
      }),
    );
  });

  test("removing all leaves leaves nothing, removing nothing leaves all", () => {
    fc.assert(
      fc.property(podSpec, podSpec, (spec, other) => {
        const all = comparePlain({}, spec, schema).changed;
        expect(removeFields(spec, all, schema)).toEqual({});
        const common = toFieldSet(other, schema).intersection(toFieldSet(spec, schema));
        const left = comparePlain({}, removeFields(spec, common, schema), schema).changed;
        expect([...common.paths()].filter((path) => left.has(path))).toEqual([]);
        expect(removeFields(spec, all.difference(all), schema)).toEqual(spec);
      }),
    );
  });

  test("the Go form of an object is equal to it and has the right type", () => {
    fc.assert(
      fc.property(podSpec, (spec) => {
        const { changed, removed } = compareObjects(spec, goForm(spec, schema), schema);
        expect(changed.isEmpty && removed.isEmpty).toBe(true);
        expect(findTypeErrors(spec, schema)).toEqual([]);
      }),
    );
  });

  test.each([
    ["keeps the live order when nothing is applied to the list", "ab", "", "ab"],
    ["puts applied items where they were", "abc", "ac", "abc"],
    ["follows the order of the configuration", "ab", "ba", "ba"],
    ["keeps live items before the shared one they stood before", "xab", "ba", "xba"],
    ["appends what is new after the shared items", "ax", "an", "axn"],
    ["starts with what is new when the configuration does", "ab", "na", "nab"],
  ])("merge order: %s", (_, live, applied, expected) => {
    const items = (keys: string) => ({ containers: [...keys].map((name) => ({ name })) });
    expect(mergeObjects(items(live), items(applied), schema)).toEqual(items(expected));
  });

  test.each([
    [{ replicas: "1" }, ".replicas: expected numeric (int or float), got string"],
    [{ paused: 1 }, ".paused: expected boolean, got 1"],
    [{ template: { spec: { nodeName: 1 } } }, ".template.spec.nodeName: expected string, got 1"],
    [{ template: [] }, ".template: expected map, got []"],
    [{ template: { spec: { containers: {} } } }, ".template.spec.containers: expected list, got {}"],
    [{ foo: 1 }, ".foo: field not declared in schema"],
    [
      { template: { spec: { containers: [{ name: "a" }, { name: "a" }] } } },
      '.template.spec.containers: duplicate entries for key [name="a"]',
    ],
    [
      { template: { spec: { containers: [{ name: "a", imag: "" }] } } },
      '.template.spec.containers[name="a"].imag: field not declared in schema',
    ],
  ])("findTypeErrors of %j", (object, error) => {
    expect(findTypeErrors(object, structSchema("apps/v1.DeploymentSpec"))).toEqual([error]);
  });

  test("findTypeErrors stops at what nobody would read", () => {
    const object = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`x${index}`, 1]));
    const errors = findTypeErrors(object, structSchema("apps/v1.DeploymentSpec"));
    expect(errors).toHaveLength(51);
    expect(errors.at(-1)).toBe("and more");
  });
});
