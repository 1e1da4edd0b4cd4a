import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { resources } from "#pkg/api/schema/resources.ts";
import { arbitraryObject } from "#pkg/api/schema/testing/arbitrary-object.ts";
import { createStrategies } from "./all-strategies.ts";
import { context } from "./testing/judge.ts";

const strategyFor = createStrategies({
  servicePools: { allocate: () => () => {}, release: () => {}, releaseUnused: () => {} },
});
/** A node's status comes with it when it registers, and is judged like that of any other kind: from the first update on. */
const onlyOnUpdate = /^status\.addresses\[/;
const stored = resources.filter((resource) => resource.storagePrefix !== undefined);

describe.each(stored.map((resource) => [`${resource.group}/${resource.version} ${resource.kind}`, resource] as const))(
  "%s",
  (_, resource) => {
    const strategy = strategyFor(resource);
    const objects = arbitraryObject(resource.typeName).map((object) => ({ metadata: {}, ...object }) as KubeObject);

    test("has a strategy of its own where it is stored as itself", () => {
      const isStoredAsItself =
        resource.storedAs.group === resource.group && resource.storedAs.version === resource.version;
      expect(strategyFor(resource) === strategy).toBe(isStoredAsItself);
    });

    test("defaults are applied once and for all", () => {
      fc.assert(
        fc.property(objects, (object) => {
          strategy.applyDefaults?.(object);
          const again = structuredClone(object);
          strategy.applyDefaults?.(again);
          expect(again).toEqual(object);
        }),
        { numRuns: 30 },
      );
    });

    test("any object of the type is judged, created, changed and selected without throwing", () => {
      fc.assert(
        fc.property(objects, objects, (one, other) => {
          strategy.applyDefaults?.(one);
          strategy.applyDefaults?.(other);
          strategy.prepareForCreate?.(one, context);
          strategy.prepareNamed?.(one);
          strategy.validate?.(one);
          strategy.warnings?.(one);
          strategy.selectableFields?.(one);
          strategy.gracePeriodSeconds?.(one, undefined);
          strategy.isHeld?.(one);
          for (const rules of [strategy, ...Object.values(strategy.subresources ?? {})]) {
            const next = structuredClone(other);
            rules.prepareForUpdate?.(next, one, context);
            rules.validateUpdate?.(next, one);
          }
          strategy.warnings?.(other, one);
        }),
        { numRuns: 60 },
      );
    });

    test("an update that changes nothing finds no fault that creating the object would not", () => {
      fc.assert(
        fc.property(objects, (object) => {
          strategy.applyDefaults?.(object);
          strategy.prepareForCreate?.(object, context);
          strategy.prepareNamed?.(object);
          const faulty = (strategy.validate?.(object) ?? []).map((error) => error.field);
          const errors = strategy.validateUpdate?.(structuredClone(object), object) ?? [];
          // What holds a faulty field may be called faulty as a whole.
          const isNew = (field: string): boolean =>
            !faulty.some((other) => other.startsWith(field)) && !onlyOnUpdate.test(field);
          expect(errors.filter((error) => isNew(error.field)).map((error) => error.message)).toEqual([]);
        }),
        { numRuns: 30 },
      );
    });

    test("selectable fields are there for an object with nothing but metadata", () => {
      const fields = strategy.selectableFields?.({ metadata: {} } as KubeObject) ?? {};
      for (const value of Object.values(fields)) expect(typeof value).toBe("string");
    });
  },
);
