/**
 * `$(NAME)` in env values, command and args. `$$` is a dollar sign; a name nobody knows stays as it was written.
 * Source: k8s.io/kubernetes third_party/forked/golang/expansion (v1.36).
 */

/** The value of a variable, or undefined when there is none. */
export type VariableLookup = (name: string) => string | undefined;

const reference = /\$(?:\$|\(([^)]*)\))/g;

export function expandVariables(text: string, lookup: VariableLookup): string {
  return text.replace(reference, (whole: string, name: string | undefined) =>
    name === undefined ? "$" : (lookup(name) ?? whole),
  );
}

/** The names in `text` that `lookup` does not know. */
export function unknownVariables(text: string, lookup: VariableLookup): readonly string[] {
  return [...text.matchAll(reference)].flatMap(([, name]) =>
    name !== undefined && lookup(name) === undefined ? name : [],
  );
}
