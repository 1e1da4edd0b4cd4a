/**
 * Fills in the defaults of an object by walking its type: first what is registered for a type as a whole (from the outside
 * in, as upstream's generated code does), then single defaults of the schema table. On the way quantities get their
 * canonical text, amounts of resource lists are rounded up to thousandths, and structs that Go always writes are made.
 * Idempotent.
 */
import { parseQuantity, QuantityError } from "#pkg/api/quantity.ts";
import { type Field, isBuiltin } from "#pkg/api/schema/field.ts";
import { fieldsOf } from "#pkg/api/schema/schema.ts";
import { typeDefaulters } from "./defaults/all-defaults.ts";

type Struct = Record<string, unknown>;

interface Plan {
  /** Makes the structs that are always there, so that the rest can count on them. */
  readonly makes: readonly ((object: Struct) => void)[];
  readonly own: ((object: Struct) => void) | undefined;
  readonly visits: readonly ((object: Struct) => void)[];
}

const plans = new Map<string, Plan>();

/** `typeName` is of the schema table, such as "apps/v1.Deployment". */
export function applyTypeDefaults(typeName: string, object: object): void {
  run(planOf(typeName), object as Struct);
}

function run(plan: Plan, object: Struct): void {
  for (const make of plan.makes) make(object);
  plan.own?.(object);
  for (const visit of plan.visits) visit(object);
}

function planOf(typeName: string): Plan {
  let plan = plans.get(typeName);
  if (!plan) {
    const fields = [...fieldsOf(typeName).values()];
    const visits: ((object: Struct) => void)[] = [];
    plan = { makes: fields.filter(isAlwaysMade).map(makeStruct), own: typeDefaulters.get(typeName), visits };
    plans.set(typeName, plan);
    visits.push(...fields.flatMap((field) => visitsOf(typeName, field)));
  }
  return plan;
}

function visitsOf(owner: string, field: Field): ((object: Struct) => void)[] {
  const visits: ((object: Struct) => void)[] = [];
  if (hasDefault(field)) visits.push(setDefault(field, field.defaultValue));
  if (field.type === "quantity") visits.push(visitQuantities(field, owner.startsWith("core/v1.")));
  if (!isBuiltin(field.type) && needsVisit(field.type)) visits.push(visitStructs(field));
  return visits;
}

/** A zero as the default of a field that is no pointer changes nothing. */
function hasDefault(field: Field): field is Field & { defaultValue: string | number | boolean } {
  return field.pointer ? field.defaultValue !== undefined : Boolean(field.defaultValue);
}

function setDefault({ name, pointer }: Field, value: string | number | boolean): (object: Struct) => void {
  return (object) => {
    const current = object[name];
    if (current == null || (!pointer && (current === "" || current === 0))) object[name] = value;
  };
}

function isAlwaysMade(field: Field): boolean {
  return !isBuiltin(field.type) && field.shape === "one" && !field.pointer && !field.omitZero;
}

function makeStruct({ name }: Field): (object: Struct) => void {
  return (object) => {
    object[name] ??= {};
  };
}

function visitStructs({ name, shape, type }: Field): (object: Struct) => void {
  const plan = planOf(type);
  return (object) => {
    const value = object[name];
    if (value == null || typeof value !== "object") return;
    if (shape === "one") run(plan, value as Struct);
    else for (const item of Object.values(value)) if (isObject(item)) run(plan, item);
  };
}

function visitQuantities({ name, shape }: Field, isOfCore: boolean): (object: Struct) => void {
  return (object) => {
    const value = object[name];
    if (value == null) return;
    if (shape === "one") setCanonical(object, name, false);
    else if (isObject(value)) for (const key of Object.keys(value)) setCanonical(value, key, isOfCore);
  };
}

/** Leaves alone what is canonical, since the object may share it with the one it was made from. */
function setCanonical(object: Struct, key: string, isRounded: boolean): void {
  const text = canonical(object[key], isRounded);
  if (text !== object[key]) object[key] = text;
}

function canonical(value: unknown, isRounded: boolean): unknown {
  try {
    const quantity = parseQuantity(value as string | number);
    return (isRounded ? quantity.roundUp(-3) : quantity).toString();
  } catch (thrown) {
    // Decoding refuses such text; what is stored already stays as it is.
    if (thrown instanceof QuantityError) return value;
    throw thrown;
  }
}

const needed = new Map<string, boolean>();

/** False for types below which there is nothing to do, such as ObjectMeta. */
function needsVisit(typeName: string): boolean {
  let answer = needed.get(typeName);
  if (answer === undefined) {
    // While a type that holds itself is being judged, it alone is no reason to visit it.
    needed.set(typeName, false);
    answer =
      typeDefaulters.has(typeName) ||
      [...fieldsOf(typeName).values()].some(
        (field) =>
          hasDefault(field) ||
          field.type === "quantity" ||
          isAlwaysMade(field) ||
          (!isBuiltin(field.type) && needsVisit(field.type)),
      );
    needed.set(typeName, answer);
  }
  return answer;
}

function isObject(value: unknown): value is Struct {
  return typeof value === "object" && value !== null;
}
