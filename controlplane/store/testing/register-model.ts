/** One key as a register: written, read, swapped when it holds what is expected, deleted. For linearizability checks. */
import type { SequentialModel } from "./linearizability.ts";

export type RegisterInput =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly value: string }
  | { readonly kind: "delete" }
  | { readonly kind: "swap"; readonly from: string; readonly to: string };

export type RegisterOutput =
  | { readonly kind: "read"; readonly value: string | undefined }
  | { readonly kind: "written" }
  | { readonly kind: "swapped"; readonly succeeded: boolean };

/** The value, or undefined when there is none. */
type State = string | undefined;

export const registerModel: SequentialModel<State, RegisterInput, RegisterOutput> = {
  initial: undefined,
  step(state, input, output) {
    switch (input.kind) {
      case "read":
        return output?.kind === "read" && output.value !== state ? undefined : { state };
      case "write":
        return { state: input.value };
      case "delete":
        return { state: undefined };
      case "swap": {
        const succeeds = state === input.from;
        if (output?.kind === "swapped" && output.succeeded !== succeeds) return undefined;
        return { state: succeeds ? input.to : state };
      }
    }
  },
  identity: (state) => (state === undefined ? "absent" : `value ${state}`),
};
