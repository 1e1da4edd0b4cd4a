/**
 * What label keys and values may look like, with the words upstream uses to say why one is wrong
 * (k8s.io/apimachinery/pkg/api/validate/content). A label key has the shape of every "qualified name".
 */

const qualifiedName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const qualifiedNameText = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const subdomainText = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const subdomain = new RegExp(`^${subdomainText}$`);
const nameRule =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const keyRule = `${nameRule} (e.g. 'MyName', or 'my.name', or '123-abc', regex used for validation is '${qualifiedNameText}')`;

/** What is wrong with a label key (a "qualified name"), in upstream's words; empty when it is good. */
export function labelKeyProblems(key: string): readonly string[] {
  const parts = key.split("/");
  if (parts.length > 2) {
    return [`a valid label key ${keyRule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = parts.at(-1) ?? "";
  const problems = parts.length === 2 ? prefixProblems(parts[0] ?? "") : [];
  if (name === "") problems.push("name part must be non-empty");
  else if (name.length > 63) problems.push("name part must be no more than 63 bytes");
  if (!qualifiedName.test(name)) problems.push(`name part ${keyRule}`);
  return problems;
}

/** What is wrong with a label value, in upstream's words; empty when it is good. */
export function labelValueProblems(value: string): readonly string[] {
  const problems: string[] = [];
  if (value.length > 63) problems.push("must be no more than 63 bytes");
  if (value !== "" && !qualifiedName.test(value)) {
    problems.push(
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and " +
        "end with an alphanumeric character (e.g. 'MyValue', or 'my_value', or '12345', regex used for validation is " +
        `'(${qualifiedNameText})?')`,
    );
  }
  return problems;
}

function prefixProblems(prefix: string): string[] {
  if (prefix === "") return ["prefix part must be non-empty"];
  const problems: string[] = [];
  if (prefix.length > 253) problems.push("prefix part must be no more than 253 bytes");
  if (!subdomain.test(prefix)) {
    problems.push(
      "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must " +
        `start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${subdomainText}')`,
    );
  }
  return problems;
}
