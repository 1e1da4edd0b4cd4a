/**
 * The versions of a custom resource. What all versions have in common stands once at the top of upstream's internal form,
 * so that is where its faults are reported.
 * Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/{v1/conversion.go,validation} (v1.36).
 */
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
  SelectableField,
} from "#pkg/api/apiextensions/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { byteLength, dns1035LabelProblems } from "#pkg/api/names.ts";
import { plainEqual } from "../plain-equal.ts";
import type { FieldErrors } from "./field-errors.ts";

const spec = new FieldPath("spec");
const versionsPath = spec.child("versions");
const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const mostSelectableFields = 8;
const longestWarning = 256;

type Part = "subresources" | "additionalPrinterColumns" | "selectableFields";

export function validateDefinitionVersions({ versions = [] }: CustomResourceDefinitionSpec, errors: FieldErrors): void {
  for (const [index, version] of versions.entries()) validateVersion(version, versionsPath.index(index), errors);
  for (const part of ["subresources", "additionalPrinterColumns", "selectableFields"] as const) {
    const isShared = versions.every((version) => plainEqual(version[part], versions[0]?.[part]));
    for (const [index, version] of isShared ? [[0, versions[0]] as const] : versions.entries()) {
      if (version) validatePart(version, part, (isShared ? spec : versionsPath.index(index)).child(part), errors);
    }
  }
  if (new Set(versions.map(({ name }) => name)).size < versions.length) {
    errors.invalid(versionsPath, versions, "must contain unique version names");
  }
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.invalid(versionsPath, versions, "must have exactly one version marked as storage version");
  }
}

function validateVersion(version: CustomResourceDefinitionVersion, at: FieldPath, errors: FieldErrors): void {
  const { name = "", schema, deprecated, deprecationWarning: warning } = version;
  if (!schema?.openAPIV3Schema) errors.required(at.child("schema", "openAPIV3Schema"));
  const problems = dns1035LabelProblems(name);
  if (problems.length > 0) errors.invalid(at.child("name"), name, problems.join(","));
  const path = at.child("deprecationWarning");
  if (warning == null) return;
  if (!deprecated) errors.invalid(path, warning, "can only be set for deprecated versions");
  else if (warning === "") errors.invalid(path, warning, "must not be an empty string");
  else {
    if (byteLength(warning) > longestWarning) {
      errors.invalid(path, warning, `must be <= ${longestWarning} characters long`);
    }
    const bad = warning.search(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u);
    if (bad >= 0) {
      const where = byteLength(warning.slice(0, bad));
      const why = `must only contain printable UTF-8 characters; non-printable character found at index ${where}`;
      errors.invalid(path, warning, why);
    }
  }
}

function validatePart(version: CustomResourceDefinitionVersion, part: Part, at: FieldPath, errors: FieldErrors): void {
  switch (part) {
    case "subresources":
      if (version.subresources?.scale) validateScale(version.subresources.scale, at, errors);
      return;
    case "additionalPrinterColumns":
      for (const [index, column] of (version.additionalPrinterColumns ?? []).entries()) {
        validateColumn(column, at.index(index), errors);
      }
      return;
    case "selectableFields":
      validateSelectableFields(version.selectableFields ?? [], at, errors);
      return;
  }
}

function validateScale(scale: CustomResourceSubresourceScale, at: FieldPath, errors: FieldErrors): void {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  const rules = [
    ["specReplicasPath", specReplicasPath, [".spec."], "should be a json path under .spec"],
    ["statusReplicasPath", statusReplicasPath, [".status."], "should be a json path under .status"],
    [
      "labelSelectorPath",
      labelSelectorPath,
      [".spec.", ".status."],
      "should be a json path under either .spec or .status",
    ],
  ] as const;
  for (const [field, text, roots, why] of rules) {
    const path = at.child("scale", field);
    if (!text) {
      if (field !== "labelSelectorPath") errors.required(path);
    } else if (validatePath(text, path, errors) && !roots.some((root) => text.startsWith(root))) {
      errors.invalid(path, text, why);
    }
  }
}

/** True when the path is good. */
function validatePath(text: string, at: FieldPath, errors: FieldErrors): boolean {
  if (text.startsWith(".")) return true;
  errors.invalid(at, text, "must be a simple json path starting with .");
  return false;
}

function validateColumn(column: CustomResourceColumnDefinition, at: FieldPath, errors: FieldErrors): void {
  const { name, type, format, jsonPath } = column;
  const typeText = `must be one of ${columnTypes.join(",")}`;
  errors.filled(at.child("name"), name);
  if (!type) errors.required(at.child("type"), typeText);
  else if (!columnTypes.includes(type)) errors.invalid(at.child("type"), type, typeText);
  if (format && !columnFormats.includes(format)) {
    errors.invalid(at.child("format"), format, `must be one of ${columnFormats.join(",")}`);
  }
  if (!jsonPath) errors.required(at.child("JSONPath"));
  else validatePath(jsonPath, at.child("JSONPath"), errors);
}

function validateSelectableFields(fields: readonly SelectableField[], at: FieldPath, errors: FieldErrors): void {
  const seen = new Set<string>();
  for (const [index, { jsonPath = "" }] of fields.entries()) {
    const path = at.index(index).child("jsonPath");
    if (!jsonPath) errors.required(path);
    else if (!jsonPath.startsWith(".")) errors.invalid(path, jsonPath, "is an invalid path: expected [ or . first");
    else if (/^\.metadata(\.|$)/.test(jsonPath)) {
      errors.invalid(path, jsonPath, "must not point to fields in metadata");
    }
    if (jsonPath && seen.has(jsonPath)) errors.duplicate(path, jsonPath);
    seen.add(jsonPath);
  }
  seen.delete("");
  if (seen.size > mostSelectableFields) errors.tooMany(at, seen.size, mostSelectableFields);
}
