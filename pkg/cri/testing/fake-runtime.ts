/**
 * A runtime in memory, behind the CRI ports. Sandboxes and containers have the states of real ones; what runs in a container is
 * a script that fake-shell.ts understands. Passes the same suite as containerd.
 * For tests it can also be told to fail (`failNext`) and to have something happen inside a container (`crash`).
 */
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { ContainerConfig } from "../generated/cri.ts";
import type { ImageService } from "../image-service.ts";
import type { ContainerEvent, RuntimeService } from "../runtime-service.ts";
import {
  containerStatus,
  type FakeContainer,
  type FakeSandbox,
  listedContainer,
  listedSandbox,
  matches,
  sandboxStatus,
  toImage,
} from "./fake-messages.ts";
import { runFakeShell } from "./fake-shell.ts";

/** Methods that can be made to fail. */
export type FakeMethod = keyof RuntimeService | "pullImage" | "imageStatus";

export class FakeRuntime {
  readonly sandboxes = new Map<string, FakeSandbox>();
  readonly containers = new Map<string, FakeContainer>();
  /** Names of images that are there. */
  readonly images = new Set<string>();
  /** Names of images that can be pulled. */
  readonly registry = new Set<string>();
  /** Calls that changed something, in order: "startContainer c0". */
  readonly calls: string[] = [];
  readonly runtime: RuntimeService;
  readonly imageService: ImageService;
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: ContainerEvent) => void>();
  readonly #faults: { readonly method: FakeMethod; readonly error: BerthError }[] = [];
  #ids = 0;
  #lastTime = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.runtime = { ...this.#sandboxCalls(), ...this.#containerCalls(), ...this.#otherCalls() };
    this.imageService = this.#imageCalls();
  }

  /** The next call of the method throws. */
  failNext(method: FakeMethod, error: BerthError): void {
    this.#faults.push({ method, error });
  }

  /** The container's process ends by itself. */
  crash(id: string, exitCode: number, reason = exitCode === 0 ? "Completed" : "Error"): void {
    this.#end(this.#container(id), exitCode, reason);
  }

  /** Running containers by name, oldest first. */
  running(name?: string): readonly FakeContainer[] {
    return [...this.containers.values()].filter(
      ({ state, config }) => state === "CONTAINER_RUNNING" && (name === undefined || config.metadata?.name === name),
    );
  }

  #sandboxCalls(): Pick<
    RuntimeService,
    "runPodSandbox" | "stopPodSandbox" | "removePodSandbox" | "podSandboxStatus" | "listPodSandbox"
  > {
    return {
      runPodSandbox: async (config, handler) => {
        this.#enter("runPodSandbox", config.metadata?.name ?? "");
        const id = this.#newId("s");
        const ip = config.linux?.securityContext?.namespaceOptions?.network === "NODE" ? "" : `10.0.0.${this.#ids}`;
        this.sandboxes.set(id, { id, config, handler, createdAt: this.#now(), ip, state: "SANDBOX_READY" });
        this.#tell(id, "created");
        this.#tell(id, "started");
        return id;
      },
      stopPodSandbox: async (id) => {
        const sandbox = this.sandboxes.get(id);
        if (!sandbox) return;
        this.#enter("stopPodSandbox", sandbox.config.metadata?.name ?? "");
        this.#stopSandbox(sandbox);
      },
      removePodSandbox: async (id) => {
        const sandbox = this.sandboxes.get(id);
        if (!sandbox) return;
        this.#enter("removePodSandbox", sandbox.config.metadata?.name ?? "");
        this.#stopSandbox(sandbox);
        for (const { id: container, sandboxId } of this.containers.values())
          if (sandboxId === id) this.containers.delete(container);
        this.sandboxes.delete(id);
      },
      podSandboxStatus: async (id) => {
        const sandbox = this.sandboxes.get(id);
        if (!sandbox) throw new BerthError("NotFound", `no sandbox ${id}`);
        return sandboxStatus(sandbox);
      },
      listPodSandbox: async (filter = {}) => {
        this.#throwFault("listPodSandbox");
        const all = [...this.sandboxes.values()].map(listedSandbox);
        return all.filter((one) => matches(one, filter));
      },
    };
  }

  #containerCalls(): Pick<
    RuntimeService,
    | "createContainer"
    | "startContainer"
    | "stopContainer"
    | "removeContainer"
    | "listContainers"
    | "containerStatus"
    | "updateContainerResources"
  > {
    return {
      createContainer: async (sandboxId, config) => {
        this.#enter("createContainer", config.metadata?.name ?? "");
        if (!this.sandboxes.has(sandboxId)) throw new BerthError("NotFound", `no sandbox ${sandboxId}`);
        const image = config.image?.image ?? "";
        if (!this.images.has(image)) throw new BerthError("NotFound", `no image ${image}`);
        return this.#makeContainer(sandboxId, config);
      },
      startContainer: async (id) => {
        const container = this.#container(id);
        this.#enter("startContainer", container.config.metadata?.name ?? "");
        this.#start(container);
      },
      stopContainer: async (id, graceSeconds) => {
        const container = this.containers.get(id);
        if (!container) return;
        this.#enter("stopContainer", `${container.config.metadata?.name ?? ""} ${graceSeconds}`);
        await this.#stop(container, graceSeconds);
      },
      removeContainer: async (id) => {
        const container = this.containers.get(id);
        if (!container) return;
        this.#enter("removeContainer", container.config.metadata?.name ?? "");
        if (container.state === "CONTAINER_RUNNING") this.#end(container, 137, "Error");
        this.containers.delete(id);
        this.#tell(id, "deleted");
      },
      listContainers: async (filter = {}) => {
        this.#throwFault("listContainers");
        const all = [...this.containers.values()].map(listedContainer);
        return all.filter((one) => matches(one, filter));
      },
      containerStatus: async (id) => containerStatus(this.#container(id), this.sandboxes),
      updateContainerResources: async (id) => {
        this.#container(id);
      },
    };
  }

  #otherCalls(): Pick<
    RuntimeService,
    | "execSync"
    | "exec"
    | "attach"
    | "portForward"
    | "reopenContainerLog"
    | "version"
    | "status"
    | "updateRuntimeConfig"
    | "cgroupDriver"
    | "containerEvents"
  > {
    return {
      execSync: async (id, command, timeoutSeconds) => {
        const container = this.#container(id);
        this.#enter("execSync", `${container.config.metadata?.name ?? ""} ${command.join(" ")}`);
        const run = runFakeShell(command);
        const limitMs = timeoutSeconds > 0 ? timeoutSeconds * 1000 : Infinity;
        await this.#clock.sleep(Math.min(run.endsAfterMs, limitMs));
        if (run.endsAfterMs > limitMs) throw new BerthError("Timeout", `command took longer than ${timeoutSeconds} s`);
        return { exitCode: run.exitCode, stdout: Buffer.from(run.stdout), stderr: Buffer.from(run.stderr) };
      },
      exec: async ({ containerId = "" }) => `http://127.0.0.1:1/exec/${containerId}`,
      attach: async ({ containerId = "" }) => `http://127.0.0.1:1/attach/${containerId}`,
      portForward: async (id) => `http://127.0.0.1:1/portforward/${id}`,
      reopenContainerLog: async (id) => {
        this.#container(id);
      },
      version: async () => {
        this.#throwFault("version");
        return { version: "0.1.0", runtimeName: "fake", runtimeVersion: "1.0", runtimeApiVersion: "v1" };
      },
      status: async () => {
        this.#throwFault("status");
        const condition = (type: string) => ({ type, status: true, reason: "", message: "" });
        const conditions = [condition("RuntimeReady"), condition("NetworkReady")];
        return { status: { conditions }, info: {}, runtimeHandlers: [], features: null };
      },
      updateRuntimeConfig: async (cidr) => this.#enter("updateRuntimeConfig", cidr),
      cgroupDriver: async () => "cgroupfs",
      containerEvents: (signal) => this.#events(signal),
    };
  }

  #imageCalls(): ImageService {
    return {
      listImages: async () => [...this.images].map(toImage),
      imageStatus: async ({ image = "" }) => {
        this.#throwFault("imageStatus");
        return image !== null && this.images.has(image) ? toImage(image) : undefined;
      },
      pullImage: async ({ image }) => {
        this.#enter("pullImage", image ?? "");
        if (!image || !this.registry.has(image)) throw new BerthError("NotFound", `${image}: not found`);
        this.images.add(image);
        return image;
      },
      removeImage: async ({ image }) => {
        this.images.delete(image ?? "");
      },
      imageFsInfo: async () => [],
    };
  }

  #makeContainer(sandboxId: string, config: MessageInput<ContainerConfig>): string {
    const id = this.#newId("c");
    const script = runFakeShell([...(config.command ?? []), ...(config.args ?? [])]);
    this.containers.set(id, {
      id,
      sandboxId,
      config,
      createdAt: this.#now(),
      script,
      state: "CONTAINER_CREATED",
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      reason: "",
      timer: undefined,
      ended: Promise.withResolvers<void>(),
    });
    this.#tell(id, "created");
    return id;
  }

  #start(container: FakeContainer): void {
    container.state = "CONTAINER_RUNNING";
    container.startedAt = this.#now();
    this.#tell(container.id, "started");
    const { endsAfterMs, exitCode } = container.script;
    if (endsAfterMs === Infinity) return;
    const end = (): void => this.#end(container, exitCode, exitCode === 0 ? "Completed" : "Error");
    container.timer = this.#clock.setTimer(endsAfterMs, end);
  }

  async #stop(container: FakeContainer, graceSeconds: number): Promise<void> {
    if (container.state !== "CONTAINER_RUNNING") return;
    const { onTerm } = container.script;
    if (onTerm !== "ignore") return this.#end(container, onTerm, onTerm === 0 ? "Completed" : "Error");
    using _timer = this.#clock.setTimer(graceSeconds * 1000, () => this.#end(container, 137, "Error"));
    await container.ended.promise;
  }

  #stopSandbox(sandbox: FakeSandbox): void {
    for (const container of this.containers.values())
      if (container.sandboxId === sandbox.id && container.state === "CONTAINER_RUNNING")
        this.#end(container, 137, "Error");
    if (sandbox.state === "SANDBOX_NOTREADY") return;
    sandbox.state = "SANDBOX_NOTREADY";
    this.#tell(sandbox.id, "stopped");
  }

  #end(container: FakeContainer, exitCode: number, reason: string): void {
    if (container.state !== "CONTAINER_RUNNING") return;
    container.timer?.cancel();
    container.state = "CONTAINER_EXITED";
    container.finishedAt = this.#now();
    container.exitCode = exitCode;
    container.reason = reason;
    container.ended.resolve();
    this.#tell(container.id, "stopped");
  }

  #container(id: string): FakeContainer {
    const found = this.containers.get(id);
    if (!found) throw new BerthError("NotFound", `no container ${id}`);
    return found;
  }

  #enter(method: FakeMethod, about: string): void {
    this.calls.push(`${method} ${about}`.trim());
    this.#throwFault(method);
  }

  #throwFault(method: FakeMethod): void {
    const at = this.#faults.findIndex((fault) => fault.method === method);
    if (at < 0) return;
    const [fault] = this.#faults.splice(at, 1);
    if (fault) throw fault.error;
  }

  #newId(kind: string): string {
    this.#ids++;
    return `${kind}${this.#ids}`;
  }

  /** Nanoseconds; later calls get later times, as on a real machine. */
  #now(): number {
    this.#lastTime = Math.max(this.#lastTime + 1_000_000, this.#clock.now() * 1_000_000);
    return this.#lastTime;
  }

  #tell(containerId: string, kind: ContainerEvent["kind"]): void {
    for (const listener of this.#listeners) listener({ containerId, kind });
  }

  async *#events(signal: AbortSignal): AsyncGenerator<ContainerEvent> {
    const queue: ContainerEvent[] = [];
    let wake: () => void = () => undefined;
    const listener = (event: ContainerEvent): void => {
      queue.push(event);
      wake();
    };
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => wake(), { once: true });
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }
}
