/**
 * The config maps and secrets that pods of this node have mounted, each followed by one watch for as long as a pod needs it.
 * A node may only see the objects its pods name, so there is no watch over all of them. What is not followed, or not known
 * yet, is read directly: a volume never waits for a watch.
 */
import type { ConfigMap, Secret } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import { Informer } from "#pkg/kube/informer.ts";
import type { ResourceClient } from "#pkg/kube/resource-client.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import type { ConfigReader } from "../environment/config-reader.ts";

export interface ConfigReference {
  readonly kind: "configMap" | "secret";
  readonly namespace: string;
  readonly name: string;
}

export interface WatchedConfigsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class WatchedConfigs implements ConfigReader, AsyncDisposable {
  readonly #configMaps: Follower<ConfigMap>;
  readonly #secrets: Follower<Secret>;
  readonly #listeners = new Set<(podUids: readonly string[]) => void>();

  constructor(options: WatchedConfigsOptions) {
    const tell = (podUids: readonly string[]): void => {
      for (const listener of this.#listeners) listener(podUids);
    };
    this.#configMaps = new Follower(options.client.configMaps, options, tell);
    this.#secrets = new Follower(options.client.secrets, options, tell);
  }

  /** These are all objects the pod needs from now on; an empty list lets go of all of them. */
  hold(podUid: string, references: readonly ConfigReference[]): void {
    this.#configMaps.hold(
      podUid,
      references.filter(({ kind }) => kind === "configMap"),
    );
    this.#secrets.hold(
      podUid,
      references.filter(({ kind }) => kind === "secret"),
    );
  }

  /** Called with the pods that hold an object which came, changed or went. */
  onChange(listener: (podUids: readonly string[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#configMaps.read(namespace, name);
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#secrets.read(namespace, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#configMaps[Symbol.asyncDispose](), this.#secrets[Symbol.asyncDispose]()]);
  }
}

interface Followed<T extends KubeObject> {
  readonly informer: Informer<T>;
  readonly pods: Set<string>;
}

/** Objects of one kind, by `namespace/name`. */
class Follower<T extends KubeObject> implements AsyncDisposable {
  readonly #client: ResourceClient<T>;
  readonly #options: WatchedConfigsOptions;
  readonly #tell: (podUids: readonly string[]) => void;
  readonly #followed = new Map<string, Followed<T>>();
  readonly #ending = new Set<Promise<void>>();

  constructor(client: ResourceClient<T>, options: WatchedConfigsOptions, tell: (podUids: readonly string[]) => void) {
    this.#client = client;
    this.#options = options;
    this.#tell = tell;
  }

  hold(podUid: string, references: readonly ConfigReference[]): void {
    const wanted = new Map(references.map((reference) => [`${reference.namespace}/${reference.name}`, reference]));
    for (const [key, reference] of wanted) {
      const followed = this.#followed.get(key) ?? this.#follow(key, reference);
      followed.pods.add(podUid);
    }
    for (const [key, followed] of this.#followed) {
      if (wanted.has(key) || !followed.pods.delete(podUid) || followed.pods.size > 0) continue;
      this.#followed.delete(key);
      const ending = followed.informer[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }
  }

  async read(namespace: string, name: string): Promise<T | undefined> {
    const informer = this.#followed.get(`${namespace}/${name}`)?.informer;
    const known = informer?.hasSynced ? informer.get(`${namespace}/${name}`) : undefined;
    return known ?? (await orNothing(this.#client.in(namespace).get(name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const informers = [...this.#followed.values()].map(({ informer }) => informer[Symbol.asyncDispose]());
    this.#followed.clear();
    await Promise.all([...informers, ...this.#ending]);
  }

  #follow(key: string, { namespace, name }: ConfigReference): Followed<T> {
    const { clock, random, log } = this.#options;
    const client = this.#client.in(namespace);
    const informer = new Informer<T>({ clock, random, log, client, fieldSelector: `metadata.name=${name}` });
    const followed: Followed<T> = { informer, pods: new Set() };
    const tell = (): void => this.#tell([...followed.pods]);
    informer.addHandler({ onAdd: tell, onUpdate: tell, onDelete: tell });
    informer.start();
    this.#followed.set(key, followed);
    return followed;
  }
}

async function orNothing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}
