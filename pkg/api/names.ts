/**
 * Formats of names and other short texts: DNS labels and subdomains, label keys and values, port names, environment
 * variables, configuration keys. Every `*Problems` function returns the texts of what is wrong, none when the value is
 * good; the texts are those of k8s.io/apimachinery/pkg/util/validation, because people and tests match on them.
 * Lengths count bytes.
 */

export type Problems = readonly string[];

export const dns1123LabelMaxLength = 63;
export const dns1123SubdomainMaxLength = 253;

const dns1123Label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const dns1123Subdomain = `${dns1123Label}(\\.${dns1123Label})*`;
const underscoreLabel = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const underscoreSubdomain = `${underscoreLabel}(\\.${underscoreLabel})*`;
const dns1035Label = "[a-z]([-a-z0-9]*[a-z0-9])?";
const wildcardSubdomain = `\\*\\.${dns1123Subdomain}`;
const labelKey = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelValue = `(${labelKey})?`;
const cIdentifier = "[A-Za-z_][A-Za-z0-9_]*";
const envVarName = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const configMapKey = "[-._a-zA-Z0-9]+";
const percent = "[0-9]+%";
const httpHeaderName = "[-A-Za-z0-9]+";
const httpPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const conditionReason = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";

const dns1123LabelExpression = whole(dns1123Label);
const dns1123SubdomainExpression = whole(dns1123Subdomain);
const underscoreSubdomainExpression = whole(underscoreSubdomain);
const dns1035LabelExpression = whole(dns1035Label);
const wildcardSubdomainExpression = whole(wildcardSubdomain);
const labelKeyExpression = whole(labelKey);
const labelValueExpression = whole(labelValue);
const cIdentifierExpression = whole(cIdentifier);
const envVarNameExpression = whole(envVarName);
const configMapKeyExpression = whole(configMapKey);
const percentExpression = whole(percent);
const httpHeaderNameExpression = whole(httpHeaderName);
const httpPathExpression = whole(httpPath);
const conditionReasonExpression = whole(conditionReason);

const alphanumericEnds = "must start and end with an alphanumeric character";
const labelKeyText = regexProblem(
  `must consist of alphanumeric characters, '-', '_' or '.', and ${alphanumericEnds}`,
  labelKey,
  "MyName",
  "my.name",
  "123-abc",
);

/** `text (e.g. 'a',  or 'b', regex used for validation is 'expression')`: the shape every format message has. */
export function regexProblem(text: string, expression: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${expression}')`;
  // Two blanks before "or": upstream prints them, and messages are compared as text.
  const quoted = examples.map((example) => `'${example}', `).join(" or ");
  return `${text} (e.g. ${quoted}regex used for validation is '${expression}')`;
}

export function maxLengthProblem(length: number): string {
  return `must be no more than ${length} characters`;
}

export function rangeProblem(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

export function dns1123LabelProblems(value: string): Problems {
  const problems = tooLong(value, dns1123LabelMaxLength);
  if (!dns1123LabelExpression.test(value)) {
    const text = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and ${alphanumericEnds}`;
    problems.push(
      dns1123SubdomainExpression.test(value)
        ? "must not contain dots"
        : regexProblem(text, dns1123Label, "my-name", "123-abc"),
    );
  }
  return problems;
}

export function dns1123SubdomainProblems(value: string): Problems {
  const problems = tooLong(value, dns1123SubdomainMaxLength);
  if (!dns1123SubdomainExpression.test(value)) {
    const text = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and ${alphanumericEnds}`;
    problems.push(regexProblem(text, dns1123Subdomain, "example.com"));
  }
  return problems;
}

/** DNS search paths may use `_` where host names may not. */
export function dns1123SubdomainWithUnderscoreProblems(value: string): Problems {
  const problems = tooLong(value, dns1123SubdomainMaxLength);
  if (!underscoreSubdomainExpression.test(value)) {
    const text = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and ${alphanumericEnds}`;
    problems.push(regexProblem(text, underscoreSubdomain, "example.com"));
  }
  return problems;
}

export function wildcardDns1123SubdomainProblems(value: string): Problems {
  const problems = tooLong(value, dns1123SubdomainMaxLength);
  if (!wildcardSubdomainExpression.test(value)) {
    const text =
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
    problems.push(regexProblem(text, wildcardSubdomain, "*.example.com"));
  }
  return problems;
}

export function dns1035LabelProblems(value: string): Problems {
  const problems = tooLong(value, dns1123LabelMaxLength);
  if (!dns1035LabelExpression.test(value)) {
    const text =
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
    problems.push(regexProblem(text, dns1035Label, "my-name", "abc-123"));
  }
  return problems;
}

/** A label key: `name` or `prefix/name`. */
export function qualifiedNameProblems(value: string): Problems {
  const parts = value.split("/");
  if (parts.length > 2) {
    return [
      `a valid label key ${labelKeyText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts[parts.length - 1] ?? "";
  const problems: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") problems.push("prefix part must be non-empty");
    else {
      if (byteLength(prefix) > dns1123SubdomainMaxLength) problems.push("prefix part must be no more than 253 bytes");
      const rest = dns1123SubdomainProblems(prefix).filter((text) => !text.startsWith("must be no more than"));
      problems.push(...rest.map((text) => `prefix part ${text}`));
    }
  }
  if (name === "") problems.push("name part must be non-empty");
  else if (byteLength(name) > 63) problems.push("name part must be no more than 63 bytes");
  if (!labelKeyExpression.test(name)) problems.push(`name part ${labelKeyText}`);
  return problems;
}

export function labelValueProblems(value: string): Problems {
  const problems: string[] = [];
  if (byteLength(value) > 63) problems.push("must be no more than 63 bytes");
  if (!labelValueExpression.test(value)) {
    const text = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and ${alphanumericEnds}`;
    problems.push(regexProblem(text, labelValue, "MyValue", "my_value", "12345"));
  }
  return problems;
}

export function cIdentifierProblems(value: string): Problems {
  if (cIdentifierExpression.test(value)) return [];
  const text =
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'";
  return [regexProblem(text, cIdentifier, "my_name", "MY_NAME", "MyName")];
}

export function portNumberProblems(port: number): Problems {
  return inRangeProblems(port, 1, 65535);
}

export function inRangeProblems(value: number, low: number, high: number): Problems {
  return value >= low && value <= high ? [] : [rangeProblem(low, high)];
}

/** User and group ids share one range. */
export function userIdProblems(id: number): Problems {
  return inRangeProblems(id, 0, 2 ** 31 - 1);
}

export function portNameProblems(port: string): Problems {
  const problems = tooLong(port, 15);
  if (!/^[-a-z0-9]+$/.test(port)) {
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(port)) problems.push("must contain at least one letter (a-z)");
  if (port.includes("--")) problems.push("must not contain consecutive hyphens");
  if (port.startsWith("-") || port.endsWith("-")) problems.push("must not begin or end with a hyphen");
  return problems;
}

export function percentProblems(value: string): Problems {
  if (percentExpression.test(value)) return [];
  return [
    regexProblem("a valid percent string must be a numeric string followed by an ending '%'", percent, "1%", "93%"),
  ];
}

export function httpHeaderNameProblems(value: string): Problems {
  if (httpHeaderNameExpression.test(value)) return [];
  const text = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return [regexProblem(text, httpHeaderName, "X-Header-Name")];
}

/** The rule before relaxed names: still what envFrom prefixes and container status report on. */
export function envVarNameProblems(value: string): Problems {
  const problems: string[] = [];
  if (!envVarNameExpression.test(value)) {
    const text =
      "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit";
    problems.push(regexProblem(text, envVarName, "my.env-name", "MY_ENV.NAME", "MyEnvName1"));
  }
  return [...problems, ...parentDirectoryProblems(value)];
}

/** What API servers since 1.32 ask of environment variable names. */
export function relaxedEnvVarNameProblems(value: string): Problems {
  if (value === "") return ["environment variable name must be non-empty"];
  if (/^[\x20-\x3c\x3e-\x7e]+$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function configMapKeyProblems(value: string): Problems {
  const problems = tooLong(value, dns1123SubdomainMaxLength);
  if (!configMapKeyExpression.test(value)) {
    const text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    problems.push(regexProblem(text, configMapKey, "key.name", "KEY_NAME", "key-name"));
  }
  return [...problems, ...parentDirectoryProblems(value)];
}

export function httpPathProblems(value: string): Problems {
  return httpPathExpression.test(value) ? [] : [regexProblem("Invalid path", httpPath)];
}

export function conditionReasonProblems(value: string): Problems {
  if (conditionReasonExpression.test(value)) return [];
  const text =
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
  return [regexProblem(text, conditionReason, "my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")];
}

/** A name that is one segment of a URL path: the loosest rule there is (RBAC objects, PodTemplates of old). */
export function pathSegmentProblems(value: string, isPrefix = false): Problems {
  if (!isPrefix && (value === "." || value === "..")) return [`may not be '${value}'`];
  return ["/", "%"].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

/** Integers in canonical decimal: no sign but `-`, no leading zeros. */
export function decimalIntegerProblems(value: string): Problems {
  if (value === "") return ["must be non-empty"];
  return /^(0|-?[1-9][0-9]*)$/.test(value) ? [] : ["must be a valid decimal integer in canonical form"];
}

/** A rule for metadata.name; `isPrefix`: the value is a generateName, whose trailing dash a suffix will follow. */
export type NameRule = (name: string, isPrefix: boolean) => Problems;

export const nameIsSubdomain: NameRule = (name, isPrefix) => dns1123SubdomainProblems(masked(name, isPrefix));
export const nameIsLabel: NameRule = (name, isPrefix) => dns1123LabelProblems(masked(name, isPrefix));
export const nameIsDns1035Label: NameRule = (name, isPrefix) => dns1035LabelProblems(masked(name, isPrefix));
export const nameIsPathSegment: NameRule = (name, isPrefix) => pathSegmentProblems(name, isPrefix);

function masked(name: string, isPrefix: boolean): string {
  return isPrefix && name.length > 1 && name.endsWith("-") ? `${name.slice(0, -2)}a` : name;
}

function parentDirectoryProblems(value: string): Problems {
  if (value === "." || value === "..") return [`must not be '${value}'`];
  return value.startsWith("..") ? ["must not start with '..'"] : [];
}

function tooLong(value: string, max: number): string[] {
  return byteLength(value) > max ? [maxLengthProblem(max)] : [];
}

export function byteLength(value: string): number {
  return Buffer.byteLength(value, "utf8");
}

function whole(expression: string): RegExp {
  return new RegExp(`^${expression}$`);
}
