/**
 * Field selectors (`spec.nodeName=n1,status.phase!=Failed`): reading, matching, writing. Semantics and error texts are those
 * of k8s.io/apimachinery/pkg/fields. Which fields a kind can be selected by is the server's business: `transform`.
 */

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

/** The selector is malformed. `message` is the one upstream clients know. */
export class FieldSelectorError extends Error {
  override readonly name = "FieldSelectorError";
}

/** All requirements must hold. Immutable. */
export class FieldMatcher {
  static readonly everything: FieldMatcher = new FieldMatcher([]);

  readonly requirements: readonly FieldRequirement[];

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
  }

  get isEverything(): boolean {
    return this.requirements.length === 0;
  }

  /** A field that the object does not have counts as "". */
  matches(fieldValue: (field: string) => string | undefined): boolean {
    return this.requirements.every(
      ({ field, operator, value }) => ((fieldValue(field) ?? "") === value) === (operator === "="),
    );
  }

  /** The one value that `field` must have, when the selector says so: what an index or a name look-up can be asked for. */
  exactValue(field: string): string | undefined {
    return this.requirements.find((one) => one.field === field && one.operator === "=")?.value;
  }

  /** Renames fields or values; a requirement for which undefined comes back is dropped. Throws what `change` throws. */
  transform(change: (requirement: FieldRequirement) => FieldRequirement | undefined): FieldMatcher {
    return new FieldMatcher(this.requirements.map(change).filter((one) => one !== undefined));
  }

  /** The text form that `parseFieldSelector` reads. */
  toString(): string {
    return this.requirements
      .map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`)
      .join(",");
  }
}

/** Reads the text form; requirements come out sorted by their text. Throws FieldSelectorError. "" matches everything. */
export function parseFieldSelector(text: string): FieldMatcher {
  const terms = splitTerms(text)
    .filter((term) => term !== "")
    .sort();
  return new FieldMatcher(terms.map((term) => parseTerm(term, text)));
}

/** Wants exactly these fields. */
export function fieldMapMatcher(fields: Readonly<Record<string, string>>): FieldMatcher {
  return new FieldMatcher(Object.entries(fields).map(([field, value]) => ({ field, operator: "=", value })));
}

/** Makes any text safe as the value of a requirement: backslash, comma and equals sign get a backslash. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, "\\$&");
}

/** Undoes `escapeFieldValue`. Throws FieldSelectorError on a stray backslash, comma or equals sign. */
export function unescapeFieldValue(text: string): string {
  return text.replace(/\\(.?)|[,=]/gsu, (piece: string, escaped: string | undefined) => {
    if (escaped === undefined) {
      // Upstream prints the number of the character.
      throw new FieldSelectorError(`invalid field selector: unescaped character in value: ${piece.charCodeAt(0)}`);
    }
    if (escaped !== "" && "\\,=".includes(escaped)) return escaped;
    throw new FieldSelectorError(`invalid field selector: invalid escape sequence: ${piece}`);
  });
}

/** Splits at commas that have no backslash before them; escapes are kept. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === ",") {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...terms, text.slice(start)];
}

function parseTerm(term: string, selector: string): FieldRequirement {
  const operator = /!=|==|=/.exec(term);
  if (!operator) {
    throw new FieldSelectorError(`invalid selector: '${selector}'; can't understand '${term}'`);
  }
  return {
    field: term.slice(0, operator.index),
    operator: operator[0] === "!=" ? "!=" : "=",
    value: unescapeFieldValue(term.slice(operator.index + operator[0].length)),
  };
}
