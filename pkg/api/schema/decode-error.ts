/**
 * What is wrong with an encoded object. The message has the shape upstream's decoders give it, because clients and people
 * search for it; `path` names the place with list positions, which upstream's text leaves out.
 */

export class DecodeError extends Error {
  override readonly name = "DecodeError";
  /** "spec.containers[0].image"; "" when the whole is wrong. */
  readonly path: string;

  constructor(message: string, path = "", cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.path = path;
  }
}

/** One step from a value to what it is in: a field of a struct, a key of a map, a position in a list. */
export type PathStep =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "key"; readonly name: string }
  | { readonly kind: "index"; readonly index: number };

/**
 * Thrown where a value does not fit its type and completed on the way out, each level adding its step, so that values
 * which fit cost nothing.
 */
export class Misfit extends Error {
  override readonly name = "Misfit";
  readonly #steps: PathStep[] = [];
  /** The innermost struct with the value in it: "PodSpec". */
  #structName: string | undefined;
  readonly #describe: (goPath: string | undefined) => string;

  /** `describe` writes the message; it is given "PodSpec.spec.nodeName", or undefined when the whole is wrong. */
  constructor(describe: (goPath: string | undefined) => string) {
    super("value does not fit its type");
    this.#describe = describe;
  }

  /** `got` and `want` in Go's words: "string", "number 1.5", "[]v1.Container". */
  static ofType(got: string, want: string): Misfit {
    return new Misfit((goPath) => {
      const place = goPath === undefined ? `Go value of type ${want}` : `Go struct field ${goPath} of type ${want}`;
      return `json: cannot unmarshal ${got} into ${place}`;
    });
  }

  /** For text that has a syntax of its own, such as times and quantities. */
  static ofText(message: string): Misfit {
    return new Misfit(() => message);
  }

  within(step: PathStep, structName?: string): this {
    this.#steps.unshift(step);
    this.#structName ??= structName;
    return this;
  }

  toDecodeError(): DecodeError {
    const fields = this.#steps.filter((step) => step.kind === "field").map((step) => step.name);
    const goPath = fields.length === 0 ? undefined : `${this.#structName ?? ""}.${fields.join(".")}`;
    const path = formatPath(this.#steps);
    const message = this.#describe(goPath);
    return new DecodeError(message.startsWith("json: ") || !path ? message : `${path}: ${message}`, path);
  }
}

/** "spec.containers[0].env", "metadata.labels.app" */
export function formatPath(steps: readonly PathStep[]): string {
  let text = "";
  for (const step of steps) {
    if (step.kind === "index") text += `[${step.index}]`;
    else text += text ? `.${step.name}` : step.name;
  }
  return text;
}
