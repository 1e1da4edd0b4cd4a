/**
 * ReplicaSets and ReplicationControllers: as many pods as wanted, adopted, made or deleted. Both kinds are the same thing
 * under two names, so one reconciler serves them through a small adapter.
 */
import type { ReplicaSet, ReplicaSetCondition } from "#pkg/api/apps/v1.ts";
import type { Pod, PodTemplateSpec, ReplicationController } from "#pkg/api/core/v1.ts";
import { type LabelMatcher, labelMapMatcher, labelSelectorMatcher } from "#pkg/api/labels.ts";
import type { KubeObject, Stored } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import { startController } from "#pkg/kube/controller.ts";
import { objectKey } from "#pkg/kube/object-store.ts";
import { type ResourceRef, resources } from "#pkg/kube/resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import { computeClaims, controllerOf, controllerReference } from "./claim.ts";
import { computeReplicas, countReplicas, nextAvailabilityMs, type ReplicaCounts } from "./compute-replica-set.ts";
import { withCondition, withoutCondition } from "./conditions.ts";
import { type ControllerContext, disposeAll } from "./controller-context.ts";
import { OwnWrites } from "./own-writes.ts";
import { canonicalJson } from "./template-hash.ts";

/** What differs between the two kinds. */
interface Kind<T extends KubeObject> {
  readonly ref: ResourceRef<T>;
  readonly apiVersion: string;
  readonly kind: string;
  selector(object: T): LabelMatcher;
}

interface ReplicaOwner extends KubeObject {
  spec?:
    | { replicas?: number | undefined; minReadySeconds?: number | undefined; template?: PodTemplateSpec | undefined }
    | undefined;
  status?:
    | ({
        observedGeneration?: number | undefined;
        conditions?: ReplicaSetCondition[] | undefined;
      } & Partial<ReplicaCounts>)
    | undefined;
}

export function startReplicaSetController(context: ControllerContext): AsyncDisposable {
  return startReplicas(context, {
    ref: resources.replicaSets as unknown as ResourceRef<ReplicaOwner>,
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    selector: (object) => labelSelectorMatcher((object as ReplicaSet).spec?.selector),
  });
}

export function startReplicationControllerController(context: ControllerContext): AsyncDisposable {
  return startReplicas(context, {
    ref: resources.replicationControllers as unknown as ResourceRef<ReplicaOwner>,
    apiVersion: "v1",
    kind: "ReplicationController",
    selector: (object) => labelMapMatcher((object as ReplicationController).spec?.selector ?? {}),
  });
}

function startReplicas(context: ControllerContext, kind: Kind<ReplicaOwner>): AsyncDisposable {
  const { informers, clock, random, log } = context;
  const owners = informers.for(kind.ref);
  const pods = informers.for(resources.pods);
  const reconciler = new ReplicaReconciler(context, kind);
  const loop = startController({
    reconciler,
    clock,
    random,
    log,
    workers: 5,
    waitForSync: (signal) => informers.waitForSync(signal),
  });
  const onPod = (pod: Stored<Pod>): void => {
    reconciler.ownWrites.seen(pod);
    const controller = controllerOf(pod);
    if (controller) {
      if (controller.kind === kind.kind) loop.enqueue(`${pod.metadata.namespace}/${controller.name}`);
      return;
    }
    for (const owner of owners.inNamespace(pod.metadata.namespace ?? "")) {
      if (kind.selector(owner).matches(pod.metadata.labels)) loop.enqueue(objectKey(owner));
    }
  };
  const subscriptions = [
    owners.addHandler({
      onAdd: (owner) => loop.enqueue(objectKey(owner)),
      onUpdate: (owner) => loop.enqueue(objectKey(owner)),
      onDelete: (owner) => loop.enqueue(objectKey(owner)),
    }),
    pods.addHandler({
      onAdd: onPod,
      onUpdate: (pod, previous) => {
        // A pod that changed hands concerns both.
        if (controllerOf(previous)?.uid !== controllerOf(pod)?.uid) onPod(previous);
        onPod(pod);
      },
      onDelete: (pod) => {
        onPod(pod);
        reconciler.ownWrites.gone(pod);
      },
    }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}

class ReplicaReconciler {
  readonly name: string;
  readonly ownWrites = new OwnWrites<Pod>();
  readonly #context: ControllerContext;
  readonly #kind: Kind<ReplicaOwner>;

  constructor(context: ControllerContext, kind: Kind<ReplicaOwner>) {
    this.name = kind.kind.toLowerCase();
    this.#context = context;
    this.#kind = kind;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<{ readonly requeueAfterMs?: number }> {
    const { informers, clock } = this.#context;
    const owner = informers.for(this.#kind.ref).get(key);
    if (!owner) return {};
    const nowMs = clock.now();
    const pods = await this.#claim(owner, nowMs, signal);
    let failure: Error | undefined;
    if (!owner.metadata.deletionTimestamp) {
      try {
        await this.#scale(owner, pods, nowMs, signal);
      } catch (error) {
        failure = error instanceof Error ? error : BerthError.from(error);
      }
    }
    const minReadySeconds = owner.spec?.minReadySeconds ?? 0;
    await this.#report(owner, await this.#claimed(owner, clock.now()), failure, signal);
    if (failure !== undefined) throw failure;
    const next = nextAvailabilityMs(pods, minReadySeconds, nowMs);
    return next === undefined ? {} : { requeueAfterMs: next };
  }

  #view(owner: Stored<ReplicaOwner>, nowMs: number): readonly Stored<Pod>[] {
    const { namespace = "", uid } = owner.metadata;
    const listed = this.#context.informers.for(resources.pods).inNamespace(namespace);
    return this.ownWrites.view(
      listed,
      (pod) => pod.metadata.namespace === namespace && controllerOf(pod)?.uid === uid,
      nowMs,
    );
  }

  #claims(owner: Stored<ReplicaOwner>, nowMs: number) {
    const claimant = {
      uid: owner.metadata.uid,
      isDeleting: owner.metadata.deletionTimestamp !== undefined,
      selector: this.#kind.selector(owner),
    };
    return computeClaims(claimant, this.#view(owner, nowMs));
  }

  async #claimed(owner: Stored<ReplicaOwner>, nowMs: number): Promise<readonly Stored<Pod>[]> {
    return this.#claims(owner, nowMs).owned;
  }

  /** Adopts and releases, and returns the pods that are the owner's afterwards. */
  async #claim(owner: Stored<ReplicaOwner>, nowMs: number, signal: AbortSignal): Promise<readonly Stored<Pod>[]> {
    const { client } = this.#context;
    const claims = this.#claims(owner, nowMs);
    const pods = client.pods.in(owner.metadata.namespace);
    const adopted: Stored<Pod>[] = [];
    if (claims.adopt.length > 0) {
      // The cache may be old: an owner that was deleted or replaced meanwhile must not adopt.
      const live = await client
        .resource(this.#kind.ref)
        .in(owner.metadata.namespace)
        .get(owner.metadata.name, { signal });
      if (live.metadata.uid !== owner.metadata.uid || live.metadata.deletionTimestamp) return claims.owned;
    }
    const reference = controllerReference(owner, this.#kind.apiVersion, this.#kind.kind);
    for (const pod of claims.adopt) {
      const body = {
        metadata: { uid: pod.metadata.uid, ownerReferences: [...(pod.metadata.ownerReferences ?? []), reference] },
      };
      adopted.push(await pods.patch(pod.metadata.name, { type: "strategic", body }, { signal }));
    }
    for (const pod of claims.release) {
      const body = {
        metadata: { uid: pod.metadata.uid, ownerReferences: [{ $patch: "delete", uid: owner.metadata.uid }] },
      };
      await ignoring("NotFound", pods.patch(pod.metadata.name, { type: "strategic", body }, { signal }));
    }
    return [...claims.owned, ...adopted];
  }

  async #scale(
    owner: Stored<ReplicaOwner>,
    pods: readonly Stored<Pod>[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const plan = computeReplicas(owner.spec?.replicas ?? 1, pods, this.#relatedPods(owner, pods), nowMs);
    await this.#deletePods(owner, plan.delete, signal);
    // Slow start: when the first pod is refused (a quota, a policy), hundreds more are not even tried.
    for (let left = plan.create, batch = 1; left > 0; left -= batch, batch *= 2) {
      batch = Math.min(batch, left);
      const results = await Promise.allSettled(Array.from({ length: batch }, () => this.#createPod(owner, signal)));
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    }
  }

  /** Pods whose crowding on nodes matters: those of all sets of the same deployment. */
  #relatedPods(owner: Stored<ReplicaOwner>, own: readonly Stored<Pod>[]): readonly Stored<Pod>[] {
    const parent = controllerOf(owner);
    if (!parent) return own;
    const { informers } = this.#context;
    const siblings = informers
      .for(this.#kind.ref)
      .inNamespace(owner.metadata.namespace ?? "")
      .filter((one) => controllerOf(one)?.uid === parent.uid);
    const uids = new Set(siblings.map(({ metadata }) => metadata.uid));
    return informers
      .for(resources.pods)
      .inNamespace(owner.metadata.namespace ?? "")
      .filter((pod) => uids.has(controllerOf(pod)?.uid ?? ""));
  }

  async #createPod(owner: Stored<ReplicaOwner>, signal: AbortSignal): Promise<void> {
    const { client, events, clock } = this.#context;
    const template = owner.spec?.template;
    const { labels, annotations, finalizers } = template?.metadata ?? {};
    const body: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        generateName: `${owner.metadata.name}-`,
        namespace: owner.metadata.namespace,
        labels,
        annotations,
        finalizers,
        ownerReferences: [controllerReference(owner, this.#kind.apiVersion, this.#kind.kind)],
      },
      spec: template?.spec ?? { containers: [] },
    };
    try {
      const pod = await client.pods.in(owner.metadata.namespace).create(body, { signal });
      this.ownWrites.created(pod, clock.now());
      events.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
    } catch (error) {
      const endsAnyway =
        isStatus(error, "Forbidden") &&
        error.status.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating");
      if (endsAnyway) return;
      if (!signal.aborted) events.event(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  async #deletePods(owner: Stored<ReplicaOwner>, pods: readonly Stored<Pod>[], signal: AbortSignal): Promise<void> {
    const { client, events, clock } = this.#context;
    await Promise.all(
      pods.map(async ({ metadata: { name, uid } }) => {
        await ignoring(
          "NotFound",
          client.pods.in(owner.metadata.namespace).delete(name, { preconditions: { uid }, signal }),
        );
        this.ownWrites.deleted(uid, clock.now());
        events.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
      }),
    );
  }

  async #report(
    owner: Stored<ReplicaOwner>,
    pods: readonly Stored<Pod>[],
    failure: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock } = this.#context;
    const nowMs = clock.now();
    const known = owner.status ?? {};
    const counts = countReplicas(
      pods,
      owner.spec?.template?.metadata?.labels ?? {},
      owner.spec?.minReadySeconds ?? 0,
      nowMs,
    );
    const isTooMany = counts.replicas > (owner.spec?.replicas ?? 1);
    const conditions =
      failure === undefined
        ? withoutCondition(known.conditions, "ReplicaFailure")
        : withFailure(known.conditions, {
            type: "ReplicaFailure",
            status: "True",
            reason: isTooMany ? "FailedDelete" : "FailedCreate",
            message: messageOf(failure),
            lastTransitionTime: formatTime(nowMs),
          });
    const status = {
      ...known,
      ...withoutZeros(counts),
      replicas: counts.replicas,
      observedGeneration: owner.metadata.generation,
      conditions: conditions.length > 0 ? [...conditions] : undefined,
    };
    if (canonicalJson(status) === canonicalJson(known)) return;
    await client
      .resource(this.#kind.ref)
      .in(owner.metadata.namespace)
      .updateStatus({ ...owner, status }, { signal });
  }
}

/** The message names a pod that is another in each try: to write it anew would wake this loop up and never let it back off. */
function withFailure(
  list: readonly ReplicaSetCondition[] | undefined,
  wanted: ReplicaSetCondition,
): readonly ReplicaSetCondition[] {
  const known = list?.find(({ type }) => type === wanted.type);
  const isSame = known?.status === wanted.status && known.reason === wanted.reason;
  return isSame ? (list ?? []) : withCondition(list, wanted);
}

/** The API leaves counts of zero out. */
function withoutZeros(counts: ReplicaCounts): Partial<ReplicaCounts> {
  const { terminatingReplicas: _terminating, ...kept } = counts;
  return Object.fromEntries(
    Object.entries(kept).map(([name, count]) => [name, count === 0 ? undefined : count]),
  ) as Partial<ReplicaCounts>;
}

async function ignoring(reason: "NotFound", action: Promise<unknown>): Promise<void> {
  try {
    await action;
  } catch (error) {
    if (!isStatus(error, reason)) throw error;
  }
}
