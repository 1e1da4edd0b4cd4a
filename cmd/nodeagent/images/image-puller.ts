/**
 * Brings images to the node: pull policy, credentials, back-off per pod and image, one pull per image however many pods want
 * it, and only so many pulls at once.
 * Source of semantics: kubelet images/image_manager.go (v1.36).
 */
import type { Pod, Secret } from "#pkg/api/core/v1.ts";
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { AuthConfig, Image, PodSandboxConfig } from "#pkg/cri/generated/cri.ts";
import type { ImageService } from "#pkg/cri/image-service.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, hasCode, isAborted, messageOf } from "#pkg/system/errors.ts";
import type { AnyContainer, EventSink } from "../pods/ports.ts";
import { StartFailure } from "../pods/start-failure.ts";
import { defaultPullPolicy, parseImageName, withDefaultTag } from "./image-name.ts";
import { credentialsFor } from "./registry-credentials.ts";
import { Turns } from "./turns.ts";

export interface PresentImage {
  /** What a container is made from. */
  readonly ref: string;
  readonly uid: number | undefined;
  readonly username: string;
}

export interface ImagePullerOptions {
  readonly images: ImageService;
  readonly clock: Clock;
  readonly events: EventSink;
  /** undefined: no such secret, which is no error: the image may be public. */
  readSecret(namespace: string, name: string): Promise<Secret | undefined>;
  /** 1: one after the other. */
  readonly maxParallelPulls: number;
}

interface Backoff {
  readonly delayMs: number;
  readonly sinceMs: number;
  readonly error: string;
}

const firstDelayMs = 10_000;
const maxDelayMs = 300_000;
const forgetAfterMs = 2 * maxDelayMs;

export class ImagePuller {
  readonly #options: ImagePullerOptions;
  readonly #turns: Turns;
  readonly #running = new Map<string, Promise<string>>();
  readonly #backoffs = new Map<string, Backoff>();

  constructor(options: ImagePullerOptions) {
    this.#options = options;
    this.#turns = new Turns(options.maxParallelPulls);
  }

  /** The image of the container, pulled when its policy asks for it. Throws StartFailure, or "Aborted". */
  async ensure(
    pod: Pod,
    container: AnyContainer,
    sandbox: MessageInput<PodSandboxConfig>,
    signal: AbortSignal,
  ): Promise<PresentImage> {
    const name = container.image ?? "";
    const image = this.#fullName(pod, container, name);
    const policy = container.imagePullPolicy ?? defaultPullPolicy(name);
    const present = await this.#find(pod, container, image);
    const event = (reason: string, message: string): void => this.#record(pod, container, "Normal", reason, message);
    if (present && policy !== "Always") {
      event("Pulled", `Container image "${name}" already present on machine`);
      return present;
    }
    if (policy === "Never")
      throw this.#fail(
        pod,
        container,
        "ErrImageNeverPull",
        `Container image "${name}" is not present with pull policy of Never`,
      );
    const key = `${pod.metadata.uid}_${image}`;
    this.#checkBackoff(pod, container, key, name);
    event("Pulling", `Pulling image "${name}"`);
    const startedAt = this.#options.clock.monotonic();
    try {
      const ref = await this.#pullOnce(pod, image, sandbox, signal);
      this.#backoffs.delete(key);
      const pulled = (await this.#find(pod, container, image)) ?? { ref, uid: undefined, username: "" };
      const ms = Math.round(this.#options.clock.monotonic() - startedAt);
      event("Pulled", `Successfully pulled image "${name}" in ${formatDuration(ms)}`);
      return pulled;
    } catch (error) {
      if (isAborted(error)) throw error;
      const message = `failed to pull and unpack image "${name}": ${messageOf(error)}`;
      this.#backoffs.set(key, this.#nextBackoff(key, message));
      this.#record(pod, container, "Warning", "Failed", `Failed to pull image "${name}": ${messageOf(error)}`);
      throw this.#fail(pod, container, pullReason(error), message, this.#options.clock.now() + firstDelayMs);
    }
  }

  /** The pod is gone: what was remembered for it goes too. */
  forget(podUid: string): void {
    for (const key of this.#backoffs.keys()) if (key.startsWith(`${podUid}_`)) this.#backoffs.delete(key);
  }

  #fullName(pod: Pod, container: AnyContainer, name: string): string {
    try {
      return withDefaultTag(name);
    } catch (error) {
      throw this.#fail(pod, container, "InvalidImageName", messageOf(error));
    }
  }

  async #find(pod: Pod, container: AnyContainer, image: string): Promise<PresentImage | undefined> {
    try {
      const found = await this.#options.images.imageStatus({ image });
      return found && toPresent(found);
    } catch (error) {
      const message = `Failed to inspect image "${image}": ${messageOf(error)}`;
      this.#record(pod, container, "Warning", "InspectFailed", message);
      throw new StartFailure("ImageInspectError", message, { cause: error });
    }
  }

  #checkBackoff(pod: Pod, container: AnyContainer, key: string, name: string): void {
    const backoff = this.#backoffs.get(key);
    if (!backoff) return;
    const untilMs = backoff.sinceMs + backoff.delayMs;
    if (this.#options.clock.now() >= untilMs) return;
    const message = `Back-off pulling image "${name}"`;
    this.#record(pod, container, "Normal", "BackOff", message);
    throw new StartFailure("ImagePullBackOff", `${message}: ${backoff.error}`, { retryAtMs: untilMs });
  }

  #nextBackoff(key: string, error: string): Backoff {
    const now = this.#options.clock.now();
    const known = this.#backoffs.get(key);
    const isFresh = !known || now - known.sinceMs > forgetAfterMs;
    return { delayMs: isFresh ? firstDelayMs : Math.min(known.delayMs * 2, maxDelayMs), sinceMs: now, error };
  }

  /** Pods that want the same image with the same secrets share one pull. It goes on when one of them gives up waiting. */
  async #pullOnce(
    pod: Pod,
    image: string,
    sandbox: MessageInput<PodSandboxConfig>,
    signal: AbortSignal,
  ): Promise<string> {
    const secrets = await this.#secrets(pod);
    const key = [image, ...secrets.map(({ metadata }) => `${metadata.uid}/${metadata.resourceVersion}`)].join("|");
    const running = this.#running.get(key) ?? this.#start(key, image, secrets, sandbox);
    return await abortable(running, signal);
  }

  #start(
    key: string,
    image: string,
    secrets: readonly Secret[],
    sandbox: MessageInput<PodSandboxConfig>,
  ): Promise<string> {
    const pull = this.#turns
      .run(() => this.#pullWithCredentials(image, secrets, sandbox))
      .finally(() => this.#running.delete(key));
    this.#running.set(key, pull);
    return pull;
  }

  /** Each fitting credential in turn; without any, as anybody. */
  async #pullWithCredentials(
    image: string,
    secrets: readonly Secret[],
    sandbox: MessageInput<PodSandboxConfig>,
  ): Promise<string> {
    const name = parseImageName(image);
    const auths: (MessageInput<AuthConfig> | undefined)[] = credentialsFor(name, secrets).map((credential) => ({
      ...credential,
    }));
    if (auths.length === 0) auths.push(undefined);
    let failure: unknown;
    for (const auth of auths) {
      try {
        return await this.#options.images.pullImage({ image }, auth, sandbox);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #secrets(pod: Pod): Promise<readonly Secret[]> {
    const { namespace = "" } = pod.metadata;
    const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
    const found = await Promise.all(names.map((name) => this.#options.readSecret(namespace, name)));
    return found.flatMap((secret) => secret ?? []);
  }

  #fail(pod: Pod, container: AnyContainer, reason: string, message: string, retryAtMs?: number): StartFailure {
    this.#record(pod, container, "Warning", "Failed", `Error: ${reason}`);
    return new StartFailure(reason, message, retryAtMs === undefined ? {} : { retryAtMs });
  }

  #record(pod: Pod, container: AnyContainer, type: "Normal" | "Warning", reason: string, message: string): void {
    this.#options.events.record(pod, type, reason, message, fieldPathOf(pod, container));
  }
}

/** "spec.containers{name}", as events name a container. */
export function fieldPathOf(pod: Pod, container: AnyContainer): string {
  const has = (list: readonly AnyContainer[] | undefined): boolean =>
    list?.some(({ name }) => name === container.name) ?? false;
  const field = has(pod.spec.containers)
    ? "containers"
    : has(pod.spec.initContainers)
      ? "initContainers"
      : "ephemeralContainers";
  return `spec.${field}{${container.name}}`;
}

function toPresent(image: Image): PresentImage {
  return { ref: image.id, uid: image.uid?.value, username: image.username };
}

/** Some failures have a name of their own, which runtimes put in front of the message. */
function pullReason(error: unknown): string {
  const named = /\b(RegistryUnavailable|SignatureValidationFailed)\b/.exec(messageOf(error))?.[1];
  return named ?? (hasCode(error, "Unsupported") ? "ImageInspectError" : "ErrImagePull");
}

function formatDuration(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${(ms / 1000).toFixed(3).replace(/\.?0+$/, "")}s`;
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw new BerthError("Aborted", "the pull is no longer waited for");
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(new BerthError("Aborted", "the pull is no longer waited for"));
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
