/** ConfigMaps and Secrets. */
import type { ConfigMap, Secret } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { byteLength, configMapKeyProblems } from "#pkg/api/names.ts";
import { plainEqual } from "../plain-equal.ts";
import { FieldErrors } from "./field-errors.ts";

const maxBytes = 1024 * 1024;
const whole = new FieldPath("[]");
const dataPath = new FieldPath("data");
const binaryPath = new FieldPath("binaryData");
const immutableSet = "field is immutable when `immutable` is set";

export function validateConfigMap({ data = {}, binaryData = {} }: ConfigMap): FieldErrors {
  const errors = new FieldErrors();
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    errors.problems(dataPath.key(key), key, configMapKeyProblems(key));
    if (Object.hasOwn(binaryData, key))
      errors.invalid(dataPath.key(key), key, "duplicate of key present in binaryData");
    bytes += byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    errors.problems(binaryPath.key(key), key, configMapKeyProblems(key));
    bytes += decodedLength(value);
  }
  if (bytes > maxBytes) errors.tooLong(whole, maxBytes);
  return errors;
}

export function validateConfigMapUpdate(next: ConfigMap, current: ConfigMap): FieldErrors {
  const errors = new FieldErrors();
  if (current.immutable) {
    if (!next.immutable) errors.forbidden(new FieldPath("immutable"), immutableSet);
    if (!plainEqual(next.data, current.data)) errors.forbidden(dataPath, immutableSet);
    if (!plainEqual(next.binaryData, current.binaryData)) errors.forbidden(binaryPath, immutableSet);
  }
  errors.add(...validateConfigMap(next).list);
  return errors;
}

export function validateSecret(secret: Secret): FieldErrors {
  const errors = new FieldErrors();
  let bytes = 0;
  for (const [key, value] of Object.entries(secret.data ?? {})) {
    errors.problems(dataPath.key(key), key, configMapKeyProblems(key));
    bytes += decodedLength(value);
  }
  if (bytes > maxBytes) errors.tooLong(dataPath, maxBytes);
  validateType(secret, errors);
  return errors;
}

const accountAnnotation = "kubernetes.io/service-account.name";

/** What a secret of a known type must hold. */
function validateType({ type, data = {}, metadata }: Secret, errors: FieldErrors): void {
  const require = (key: string): void => {
    if (!Object.hasOwn(data, key)) errors.required(dataPath.key(key));
  };
  switch (type) {
    case "kubernetes.io/service-account-token":
      errors.filled(
        new FieldPath("metadata", "annotations").key(accountAnnotation),
        metadata.annotations?.[accountAnnotation],
      );
      break;
    case "kubernetes.io/dockercfg":
      validateJson(".dockercfg", data, errors);
      break;
    case "kubernetes.io/dockerconfigjson":
      validateJson(".dockerconfigjson", data, errors);
      break;
    case "kubernetes.io/basic-auth":
      if (Object.hasOwn(data, "username") || Object.hasOwn(data, "password")) break;
      require("username");
      require("password");
      break;
    case "kubernetes.io/ssh-auth":
      errors.filled(dataPath.key("ssh-privatekey"), data["ssh-privatekey"]);
      break;
    case "kubernetes.io/tls":
      require("tls.crt");
      require("tls.key");
      break;
    default:
  }
}

function validateJson(key: string, data: Readonly<Record<string, string>>, errors: FieldErrors): void {
  const path = dataPath.key(key);
  const encoded = data[key];
  if (encoded === undefined) {
    errors.required(path);
    return;
  }
  const fault = jsonFault(Buffer.from(encoded, "base64").toString("utf8"));
  if (fault) errors.invalid(path, "<secret contents redacted>", fault);
}

/** Says nothing of the content: it is secret. */
function jsonFault(text: string): string | undefined {
  if (text.trim() === "") return "unexpected end of JSON input";
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && !Array.isArray(value)) return undefined;
    const type = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
    return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
  } catch {
    return "invalid character in JSON";
  }
}

export function validateSecretUpdate(next: Secret, current: Secret): FieldErrors {
  const errors = new FieldErrors();
  errors.immutable(new FieldPath("type"), next.type, current.type);
  if (current.immutable) {
    if (!next.immutable) errors.forbidden(new FieldPath("immutable"), immutableSet);
    if (!plainEqual(next.data, current.data)) errors.forbidden(dataPath, immutableSet);
  }
  errors.add(...validateSecret(next).list);
  return errors;
}

function decodedLength(base64: string): number {
  return Buffer.byteLength(base64, "base64");
}
