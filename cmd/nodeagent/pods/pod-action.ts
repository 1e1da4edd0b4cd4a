/** What is to be done to a pod, as data. `apply-pod-actions.ts` carries it out in order. */
import type { AnyContainer, ContainerVerdicts } from "./ports.ts";

export type ContainerKind = "init" | "sidecar" | "regular" | "ephemeral";

export type KillReason = "changed" | "liveness" | "startup" | "unknown" | "podEnding" | "restartAll";

export type PodAction =
  /** Ends all containers and the sandboxes, because the pod is over or its sandbox is of no use any more. */
  | { readonly kind: "killPod"; readonly why: string }
  | {
      readonly kind: "killContainer";
      readonly containerId: string;
      readonly name: string;
      readonly reason: KillReason;
      readonly message: string;
    }
  /** Removes an ended container, so that nothing of it is taken into account any more. */
  | { readonly kind: "removeContainer"; readonly containerId: string; readonly name: string }
  | { readonly kind: "createSandbox"; readonly attempt: number }
  | {
      readonly kind: "startContainer";
      readonly name: string;
      readonly container: AnyContainer;
      readonly containerKind: ContainerKind;
      /** End of the run before; undefined: the first run. */
      readonly lastFinishedAtMs: number | undefined;
    }
  /** Nothing to do before that time. */
  | {
      readonly kind: "backOff";
      readonly name: string;
      readonly untilMs: number;
      readonly delayMs: number;
    };

/** The verdicts of the probes on one container. */
export type VerdictsOf = (name: string, containerId: string) => ContainerVerdicts;
