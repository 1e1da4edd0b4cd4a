/**
 * Label selectors: reading the text form and the object form into a matcher, matching, and writing the text form.
 * Grammar, semantics and error texts are those of k8s.io/apimachinery/pkg/labels, since clients see them.
 */
import { parseRequirements } from "./label-parser.ts";
import {
  buildRequirement,
  formatRequirement,
  type LabelMap,
  type LabelOperator,
  type LabelRequirement,
  LabelSelectorError,
  requirementHolds,
} from "./label-requirement.ts";

export { buildRequirement, type LabelMap, type LabelOperator, type LabelRequirement, LabelSelectorError };

/** The shape of meta/v1 LabelSelector that matters here. */
export interface LabelSelectorLike {
  readonly matchLabels?: LabelMap | undefined;
  readonly matchExpressions?:
    | readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[]
    | undefined;
}

/** All requirements must hold. Immutable. */
export class LabelMatcher {
  /** Matches every object: the empty selector. */
  static readonly everything: LabelMatcher = new LabelMatcher([]);
  /** Matches no object: what an absent selector means where upstream treats nil as "select nothing". */
  static readonly nothing: LabelMatcher = new LabelMatcher([], true);

  /** Sorted by key. */
  readonly requirements: readonly LabelRequirement[];
  readonly matchesNothing: boolean;

  constructor(requirements: readonly LabelRequirement[], matchesNothing = false) {
    this.requirements = requirements.toSorted((a, b) => compareText(a.key, b.key));
    this.matchesNothing = matchesNothing;
  }

  get isEverything(): boolean {
    return this.requirements.length === 0 && !this.matchesNothing;
  }

  matches(labels: LabelMap | undefined): boolean {
    return !this.matchesNothing && this.requirements.every((one) => requirementHolds(one, labels));
  }

  /** The one value that `key` must have, when the selector says so: what an index can be asked for. */
  exactValue(key: string): string | undefined {
    const requirement = this.requirements.find((one) => one.key === key);
    if (requirement?.values.length !== 1) return undefined;
    return ["=", "==", "in"].includes(requirement.operator) ? requirement.values[0] : undefined;
  }

  /** A matcher that also wants these. */
  and(requirements: readonly LabelRequirement[]): LabelMatcher {
    return new LabelMatcher([...this.requirements, ...requirements], this.matchesNothing);
  }

  /** The text form that `parseLabelSelector` reads. "" for everything, and also for nothing, which has no text form. */
  toString(): string {
    return this.requirements.map(formatRequirement).join(",");
  }
}

/** Reads `a=b,c in (d,e),!f`. Throws LabelSelectorError. "" matches everything. */
export function parseLabelSelector(text: string): LabelMatcher {
  return new LabelMatcher(parseRequirements(text));
}

/** Reads the object form: absent matches nothing, empty matches everything. Throws LabelSelectorError. */
export function labelSelectorMatcher(selector: LabelSelectorLike | undefined | null): LabelMatcher {
  if (!selector) return LabelMatcher.nothing;
  const exact = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => buildRequirement(key, "=", [value]));
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values }) => {
    const known = objectOperators.get(operator);
    if (!known) throw new LabelSelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    return buildRequirement(key, known, values ?? []);
  });
  return new LabelMatcher([...exact, ...expressions]);
}

/** Wants exactly these labels (a ReplicationController's or Service's selector); an empty map matches everything. */
export function labelMapMatcher(labels: LabelMap | undefined): LabelMatcher {
  return new LabelMatcher(
    Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: "=", values: [value] })),
  );
}

/** The text form of the object form, as `status.selector` of a Scale shows it. Throws LabelSelectorError. */
export function formatLabelSelector(selector: LabelSelectorLike | undefined | null): string {
  return labelSelectorMatcher(selector).toString();
}

const objectOperators: ReadonlyMap<string, LabelOperator> = new Map([
  ["In", "in"],
  ["NotIn", "notin"],
  ["Exists", "exists"],
  ["DoesNotExist", "!"],
]);

function compareText(a: string, b: string): number {
  return Number(a > b) - Number(a < b);
}
