/** How devices, their drivers, pools and properties are named. Source: pkg/apis/resource/validation/validation.go (v1.36). */
import type { FieldPath } from "#pkg/api/field.ts";
import { byteLength, cIdentifierProblems, labelValueProblems, qualifiedNameProblems } from "#pkg/api/names.ts";
import type { DeviceTaint, DeviceToleration } from "#pkg/api/resource/v1.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateItems } from "./sized-lists.ts";
import { validateCsiDriverName } from "./volume-sources.ts";

const longestPool = 253;
const longestIdentifier = 32;
const uidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function validatePoolName(name: string | undefined, at: FieldPath, errors: FieldErrors): void {
  if (!name) {
    errors.required(at);
    return;
  }
  if (byteLength(name) > longestPool) errors.tooLong(at, longestPool);
  for (const part of name.split("/")) errors.dnsSubdomain(at, part);
}

export function validateShareId(uid: string | undefined, at: FieldPath, errors: FieldErrors): void {
  if (uid == null || uidForm.test(uid)) return;
  const why =
    "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";
  errors.invalid(at, uid, why);
}

/** An identifier, perhaps with the domain of who gave it: `name` or `driver.example.com/name`. */
export function validateAttributeName(name: string, at: FieldPath, errors: FieldErrors): void {
  const [first = "", second, ...more] = name.split("/");
  if (second === undefined) {
    validateIdentifier(first, at, errors);
    return;
  }
  if (more.length > 0) return;
  if (first) validateCsiDriverName(first, at, errors);
  else errors.invalid(at, "", "the domain must not be empty");
  if (second) validateIdentifier(second, at, errors);
  else errors.invalid(at, "", "the name must not be empty");
}

export function validateFullAttributeName(name: string, at: FieldPath, errors: FieldErrors): void {
  validateAttributeName(name, at, errors);
  if (!name.includes("/")) {
    errors.invalid(at, name, "a fully qualified name must be a domain and a name separated by a slash");
  }
}

function validateIdentifier(name: string, at: FieldPath, errors: FieldErrors): void {
  if (byteLength(name) > longestIdentifier) errors.tooLong(at, longestIdentifier);
  errors.problems(at, name, cIdentifierProblems(name));
}

const effects = ["NoExecute", "NoSchedule", "None"];

export function validateDeviceTaint(taint: DeviceTaint, at: FieldPath, errors: FieldErrors): void {
  const { key = "", value, effect } = taint;
  errors.problems(at.child("key"), key, qualifiedNameProblems(key));
  if (value) errors.problems(at.child("value"), value, labelValueProblems(value));
  errors.oneOf(at.child("effect"), effect, effects);
}

export function validateDeviceToleration(toleration: DeviceToleration, at: FieldPath, errors: FieldErrors): void {
  const { key, operator, value = "", effect } = toleration;
  if (key) errors.problems(at.child("key"), key, qualifiedNameProblems(key));
  if (operator === "Exists") {
    if (value) errors.invalid(at.child("value"), value, "must be empty for operator `Exists`");
  } else if (operator === "Equal") errors.problems(at.child("value"), value, labelValueProblems(value));
  else errors.oneOf(at.child("operator"), operator, ["Equal", "Exists"]);
  errors.supported(at.child("effect"), effect, effects);
}

interface BindingParameters {
  readonly bindingConditions?: readonly string[] | undefined;
  readonly bindingFailureConditions?: readonly string[] | undefined;
}

/** What must become true before a pod is bound to the device's node, and what says that it will not. */
export function validateBindingParameters(parameters: BindingParameters, at: FieldPath, errors: FieldErrors): void {
  const { bindingConditions: good = [], bindingFailureConditions: bad = [] } = parameters;
  const goodPath = at.child("bindingConditions");
  const badPath = at.child("bindingFailureConditions");
  const most = 4;
  const checkLabel = (name: string, path: FieldPath) => errors.problems(path, name, qualifiedNameProblems(name));
  validateItems(good, most, goodPath, errors, checkLabel);
  validateItems(bad, most, badPath, errors, checkLabel);
  for (const [list, path] of [
    [good, goodPath],
    [bad, badPath],
  ] as const) {
    for (const [index, name] of list.entries()) {
      if (list.indexOf(name) < index) errors.duplicate(path.index(index), name);
      if (list === bad && good.includes(name)) {
        errors.invalid(path.index(index), name, "bindingFailureConditions must not overlap with bindingConditions");
      }
    }
  }
  if (good.length === 0 && bad.length > 0) {
    errors.invalid(goodPath, good, "bindingConditions are required to use bindingFailureConditions");
  }
  if (bad.length === 0 && good.length > 0) {
    errors.invalid(badPath, bad, "bindingFailureConditions are required to use bindingConditions");
  }
}
