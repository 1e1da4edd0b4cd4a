/**
 * Reads the text form of label selectors, `a=b,c in (d,e),!f,g>3`, into requirements. The grammar, with its oddities ("x="
 * wants an empty value, "x in (,a)" allows one), and the error texts are those of k8s.io/apimachinery/pkg/labels.
 */
import { FieldPath, fieldError } from "./field.ts";
import {
  buildRequirement,
  type LabelOperator,
  type LabelRequirement,
  LabelSelectorError,
} from "./label-requirement.ts";
import { qualifiedNameProblems } from "./names.ts";

type TokenKind = "word" | "end" | ")" | "(" | "," | "!" | "==" | "=" | ">" | "<" | "!=" | "in" | "notin";

interface Token {
  readonly kind: TokenKind;
  /** The text as error messages show it. */
  readonly text: string;
}

/** Reads all requirements, in the order of the text. Throws LabelSelectorError. */
export function parseRequirements(text: string): readonly LabelRequirement[] {
  return new Parser(scan(text)).parse();
}

const keywords: ReadonlySet<string> = new Set([")", "(", ",", "!", "==", "=", ">", "<", "!=", "in", "notin"]);

/** Words end at blanks and at symbols; "==" and "!=" win over their first character. Ends with an "end" token. */
function scan(text: string): readonly Token[] {
  const pieces = text.match(/==|!=|[=!(),><]|[^=!(),>< \t\r\n]+/g) ?? [];
  const tokens = pieces.map(
    (piece): Token => ({ kind: keywords.has(piece) ? (piece as TokenKind) : "word", text: piece }),
  );
  return [...tokens, { kind: "end", text: "" }];
}

const binaryOperators: ReadonlyMap<TokenKind, LabelOperator> = new Map([
  ["in", "in"],
  ["notin", "notin"],
  ["=", "="],
  ["==", "=="],
  ["!=", "!="],
  [">", "gt"],
  ["<", "lt"],
]);

class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): readonly LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const next = this.#peek();
      if (next.kind === "end") return requirements;
      if (next.kind !== "word" && next.kind !== "!") {
        throw new LabelSelectorError(`found '${next.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const after = this.#take();
      if (after.kind === "end") return requirements;
      if (after.kind !== ",") {
        throw new LabelSelectorError(`found '${after.text}', expected: ',' or 'end of string'`);
      }
      const following = this.#peek();
      if (following.kind !== "word" && following.kind !== "!") {
        throw new LabelSelectorError(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): LabelRequirement {
    try {
      return this.#unwrappedRequirement();
    } catch (error) {
      if (!(error instanceof LabelSelectorError)) throw error;
      throw new LabelSelectorError(`unable to parse requirement: ${error.message}`);
    }
  }

  #unwrappedRequirement(): LabelRequirement {
    let token = this.#take();
    const isNegated = token.kind === "!";
    if (isNegated) token = this.#take();
    if (token.kind !== "word") throw new LabelSelectorError(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const problems = qualifiedNameProblems(key);
    if (problems.length > 0) {
      // Upstream has no field to name here and prints Go's nil.
      throw new LabelSelectorError(fieldError.invalid(new FieldPath("<nil>"), key, problems.join("; ")).message);
    }
    if (isNegated) return buildRequirement(key, "!", []);
    const next = this.#peek();
    if (next.kind === "end" || next.kind === ",") return buildRequirement(key, "exists", []);
    const operator = this.#operator();
    const values = operator === "in" || operator === "notin" ? this.#valueSet() : [this.#singleValue()];
    return buildRequirement(key, operator, values);
  }

  #operator(): LabelOperator {
    const token = this.#tokens[this.#position++] ?? end;
    const operator = binaryOperators.get(token.kind);
    if (operator) return operator;
    throw new LabelSelectorError(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
  }

  /** `(a,b)`, where any of the values may be left empty. Sorted, without repeats. */
  #valueSet(): readonly string[] {
    const open = this.#take();
    if (open.kind !== "(") throw new LabelSelectorError(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.kind === ")") {
      this.#take();
      return [""];
    }
    if (first.kind !== "word" && first.kind !== ",") {
      throw new LabelSelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.#valueList();
    this.#take();
    return [...values].sort();
  }

  /** Stops before the closing parenthesis. */
  #valueList(): ReadonlySet<string> {
    const values = new Set<string>();
    for (;;) {
      const token = this.#take();
      if (token.kind === "word") {
        values.add(token.text);
        const next = this.#peek();
        if (next.kind === ")") return values;
        if (next.kind !== ",") throw new LabelSelectorError(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.kind === ",") {
        if (values.size === 0) values.add("");
        const next = this.#peek();
        if (next.kind === ")" || next.kind === ",") values.add("");
        if (next.kind === ")") return values;
      } else {
        throw new LabelSelectorError(`found '${token.text}', expected: ',', or identifier`);
      }
    }
  }

  #singleValue(): string {
    const next = this.#peek();
    if (next.kind === "end" || next.kind === ",") return "";
    this.#take();
    if (next.kind !== "word") throw new LabelSelectorError(`found '${next.text}', expected: identifier`);
    return next.text;
  }

  /** The next token, where "in" and "notin" are ordinary words: everywhere but in the place of an operator. */
  #peek(): Token {
    const token = this.#tokens[this.#position] ?? end;
    return token.kind === "in" || token.kind === "notin" ? { kind: "word", text: token.text } : token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }
}

const end: Token = { kind: "end", text: "" };
