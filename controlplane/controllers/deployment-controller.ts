/** Deployments: which replica sets there are and how large each is. The pods are the replica sets' business. */
import type { Deployment, ReplicaSet } from "#pkg/api/apps/v1.ts";
import type { Pod } from "#pkg/api/core/v1.ts";
import { labelSelectorMatcher } from "#pkg/api/labels.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isPodFinished } from "#pkg/api/pod-status.ts";
import { isStatus } from "#pkg/api/status.ts";
import { startController } from "#pkg/kube/controller.ts";
import { objectKey } from "#pkg/kube/object-store.ts";
import { resources } from "#pkg/kube/resources.ts";
import { messageOf } from "#pkg/system/errors.ts";
import { computeClaims, controllerOf, controllerReference } from "./claim.ts";
import {
  annotations,
  computeHistoryCleanup,
  computeProportionalScaling,
  computeRollout,
  type DeploymentSet,
  isScalingEvent,
  revisionOf,
  type ScaleAction,
  sizeOf,
} from "./compute-deployment.ts";
import {
  computeDeploymentStatus,
  isDeploymentComplete,
  progressDeadlineMs,
  type RolloutStep,
} from "./compute-deployment-status.ts";
import { type ControllerContext, disposeAll } from "./controller-context.ts";
import {
  appendHistory,
  buildReplicaSet,
  hasTemplateOf,
  inheritedAnnotations,
  scaleAnnotations,
  splitSets,
} from "./deployment-sets.ts";
import { canonicalJson } from "./template-hash.ts";

export function startDeploymentController(context: ControllerContext): AsyncDisposable {
  const { informers, clock, random, log } = context;
  const deployments = informers.for(resources.deployments);
  const reconciler = new DeploymentReconciler(context);
  const loop = startController({
    reconciler,
    clock,
    random,
    log,
    workers: 5,
    waitForSync: (signal) => informers.waitForSync(signal),
  });
  const onSet = (set: Stored<ReplicaSet>): void => {
    const owner = controllerOf(set);
    if (owner) {
      if (owner.kind === "Deployment") loop.enqueue(`${set.metadata.namespace}/${owner.name}`);
      return;
    }
    for (const deployment of deployments.inNamespace(set.metadata.namespace ?? "")) {
      if (labelSelectorMatcher(deployment.spec?.selector).matches(set.metadata.labels))
        loop.enqueue(objectKey(deployment));
    }
  };
  const enqueue = (deployment: Stored<Deployment>): void => loop.enqueue(objectKey(deployment));
  const subscriptions = [
    deployments.addHandler({ onAdd: enqueue, onUpdate: enqueue, onDelete: enqueue }),
    informers.for(resources.replicaSets).addHandler({ onAdd: onSet, onUpdate: onSet, onDelete: onSet }),
    // Recreate waits for the last old pod to go.
    informers.for(resources.pods).addHandler({
      onDelete: (pod) => {
        const set = informers.for(resources.replicaSets).get(`${pod.metadata.namespace}/${controllerOf(pod)?.name}`);
        if (set) onSet(set);
      },
    }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}

class DeploymentReconciler {
  readonly name = "deployment";
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<{ readonly requeueAfterMs?: number }> {
    const { informers, clock } = this.#context;
    const deployment = informers.for(resources.deployments).get(key);
    if (!deployment) return {};
    const sets = await this.#claimSets(deployment, signal);
    if (deployment.metadata.deletionTimestamp) {
      await this.#report(deployment, { ...splitSets(deployment, sets), createdNewSet: false }, signal);
      return {};
    }
    const step = await this.#act(deployment, sets, signal);
    const status = await this.#report(deployment, step, signal);
    const deadline = deployment.spec?.progressDeadlineSeconds;
    if (deadline === undefined || deployment.spec?.paused || isDeploymentComplete(deployment, status)) return {};
    const left =
      progressDeadlineMs(
        status.conditions?.find(({ type }) => type === "Progressing"),
        deadline,
      ) - clock.now();
    return left > 0 ? { requeueAfterMs: left + 1000 } : {};
  }

  async #act(
    deployment: Stored<Deployment>,
    sets: readonly DeploymentSet[],
    signal: AbortSignal,
  ): Promise<RolloutStep> {
    const found = splitSets(deployment, sets);
    if (deployment.spec?.paused || isScalingEvent(deployment, sets)) {
      await this.#scaleAll(deployment, computeProportionalScaling(deployment, sets), sets, signal);
      if (deployment.spec?.paused) await this.#cleanUp(deployment, found.oldSets, signal);
      return { ...found, createdNewSet: false };
    }
    if (deployment.spec?.strategy?.type === "Recreate") {
      const active = found.oldSets.filter((set) => sizeOf(set) > 0);
      if (active.length > 0) {
        await this.#scaleAll(
          deployment,
          active.map((set) => ({ set, replicas: 0 })),
          sets,
          signal,
        );
        return { ...found, createdNewSet: false };
      }
      if (this.#hasOldPods(found.oldSets)) return { ...found, createdNewSet: false };
    }
    const step = await this.#ensureNewSet(deployment, found, signal);
    if (step.newSet) {
      await this.#scaleAll(
        deployment,
        computeRollout(deployment, step.newSet, found.oldSets),
        [...found.oldSets, step.newSet],
        signal,
      );
    }
    if (isDeploymentComplete(deployment, computeDeploymentStatus(deployment, step, this.#context.clock.now()))) {
      await this.#cleanUp(deployment, found.oldSets, signal);
    }
    return step;
  }

  async #claimSets(deployment: Stored<Deployment>, signal: AbortSignal): Promise<readonly DeploymentSet[]> {
    const { client, informers } = this.#context;
    const { namespace = "", uid, name } = deployment.metadata;
    const selector = labelSelectorMatcher(deployment.spec?.selector);
    const claimant = { uid, isDeleting: deployment.metadata.deletionTimestamp !== undefined, selector };
    const claims = computeClaims(claimant, informers.for(resources.replicaSets).inNamespace(namespace));
    const sets = client.replicaSets.in(namespace);
    if (claims.adopt.length > 0) {
      const live = await client.deployments.in(namespace).get(name, { signal });
      if (live.metadata.uid !== uid || live.metadata.deletionTimestamp) return claims.owned;
    }
    const adopted: DeploymentSet[] = [];
    const reference = controllerReference(deployment, "apps/v1", "Deployment");
    for (const set of claims.adopt) {
      const body = {
        metadata: { uid: set.metadata.uid, ownerReferences: [...(set.metadata.ownerReferences ?? []), reference] },
      };
      adopted.push(await sets.patch(set.metadata.name, { type: "strategic", body }, { signal }));
    }
    for (const set of claims.release) {
      const body = { metadata: { uid: set.metadata.uid, ownerReferences: [{ $patch: "delete", uid }] } };
      await sets.patch(set.metadata.name, { type: "strategic", body }, { signal });
    }
    return [...claims.owned, ...adopted];
  }

  async #ensureNewSet(
    deployment: Stored<Deployment>,
    found: { readonly newSet: DeploymentSet | undefined; readonly oldSets: readonly DeploymentSet[] },
    signal: AbortSignal,
  ): Promise<RolloutStep> {
    const { client, events } = this.#context;
    const revision = String(Math.max(0, ...found.oldSets.map(revisionOf)) + 1);
    if (found.newSet) {
      const newSet = await this.#refresh(deployment, found.newSet, revision, signal);
      return { newSet, oldSets: found.oldSets, createdNewSet: false };
    }
    const wanted = buildReplicaSet(deployment, found.oldSets, revision);
    try {
      const newSet = await client.replicaSets.in(deployment.metadata.namespace).create(wanted, { signal });
      if (sizeOf(newSet) > 0) {
        events.event(
          deployment,
          "Normal",
          "ScalingReplicaSet",
          `Scaled up replica set ${newSet.metadata.name} from 0 to ${sizeOf(newSet)}`,
        );
      }
      return { newSet, oldSets: found.oldSets, createdNewSet: true };
    } catch (error) {
      return this.#onCreateFailed(deployment, wanted, found.oldSets, error, signal);
    }
  }

  /** The name is taken: by this very set, which the cache does not show yet, or by another, and the hash must change. */
  async #onCreateFailed(
    deployment: Stored<Deployment>,
    wanted: ReplicaSet,
    oldSets: readonly DeploymentSet[],
    error: unknown,
    signal: AbortSignal,
  ): Promise<RolloutStep> {
    const { client, events } = this.#context;
    if (!isStatus(error, "AlreadyExists")) {
      const createError = `Failed to create new replica set "${wanted.metadata.name}": ${messageOf(error)}`;
      events.event(deployment, "Warning", "ReplicaSetCreateError", createError);
      await this.#report(deployment, { newSet: undefined, oldSets, createdNewSet: false, createError }, signal);
      throw error;
    }
    const existing = await client.replicaSets
      .in(deployment.metadata.namespace)
      .get(wanted.metadata.name ?? "", { signal });
    if (controllerOf(existing)?.uid === deployment.metadata.uid && hasTemplateOf(existing, deployment)) {
      return { newSet: existing, oldSets, createdNewSet: true };
    }
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await client.deployments
      .in(deployment.metadata.namespace)
      .updateStatus({ ...deployment, status: { ...deployment.status, collisionCount } }, { signal });
    throw error;
  }

  /** Keeps revision and settings of the set that matches the template, e.g. after a rollback. */
  async #refresh(
    deployment: Stored<Deployment>,
    set: DeploymentSet,
    revision: string,
    signal: AbortSignal,
  ): Promise<DeploymentSet> {
    const history =
      revisionOf(set) > 0 &&
      set.metadata.annotations?.[annotations.revision] !== revision &&
      Number(revision) > revisionOf(set);
    const wanted = {
      ...set.metadata.annotations,
      ...inheritedAnnotations(deployment),
      ...scaleAnnotations(deployment),
      ...(Number(revision) > revisionOf(set) ? { [annotations.revision]: revision } : {}),
      ...(history ? { [annotations.revisionHistory]: appendHistory(set) } : {}),
    };
    const sameMinReady = (set.spec?.minReadySeconds ?? 0) === (deployment.spec?.minReadySeconds ?? 0);
    if (sameMinReady && canonicalJson(wanted) === canonicalJson(set.metadata.annotations ?? {}))
      return this.#noteRevision(deployment, set, signal);
    const body = {
      metadata: { annotations: wanted },
      spec: { minReadySeconds: deployment.spec?.minReadySeconds ?? 0 },
    };
    const updated = await this.#context.client.replicaSets
      .in(set.metadata.namespace)
      .patch(set.metadata.name, { type: "merge", body }, { signal });
    return this.#noteRevision(deployment, updated, signal);
  }

  /** The deployment carries the revision of its newest set. */
  async #noteRevision(deployment: Stored<Deployment>, set: DeploymentSet, signal: AbortSignal): Promise<DeploymentSet> {
    const revision = set.metadata.annotations?.[annotations.revision];
    if (revision !== undefined && deployment.metadata.annotations?.[annotations.revision] !== revision) {
      const body = { metadata: { annotations: { [annotations.revision]: revision } } };
      await this.#context.client.deployments
        .in(deployment.metadata.namespace)
        .patch(deployment.metadata.name, { type: "merge", body }, { signal });
    }
    return set;
  }

  async #scaleAll(
    deployment: Stored<Deployment>,
    actions: readonly ScaleAction[],
    sets: readonly DeploymentSet[],
    signal: AbortSignal,
  ): Promise<void> {
    const { client, events } = this.#context;
    const wanted = scaleAnnotations(deployment);
    const scaled = new Map(actions.map(({ set, replicas }) => [set.metadata.uid, replicas]));
    for (const set of sets) {
      const replicas = scaled.get(set.metadata.uid) ?? sizeOf(set);
      const isNoted = Object.entries(wanted).every(([name, value]) => set.metadata.annotations?.[name] === value);
      if (replicas === sizeOf(set) && (isNoted || sizeOf(set) === 0)) continue;
      // The version makes a decision on an old picture fail instead of undoing a newer one.
      const body = {
        metadata: { resourceVersion: set.metadata.resourceVersion, annotations: wanted },
        spec: { replicas },
      };
      await client.replicaSets.in(set.metadata.namespace).patch(set.metadata.name, { type: "merge", body }, { signal });
      if (replicas === sizeOf(set)) continue;
      const direction = replicas > sizeOf(set) ? "up" : "down";
      events.event(
        deployment,
        "Normal",
        "ScalingReplicaSet",
        `Scaled ${direction} replica set ${set.metadata.name} from ${sizeOf(set)} to ${replicas}`,
      );
    }
  }

  async #cleanUp(
    deployment: Stored<Deployment>,
    oldSets: readonly DeploymentSet[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const set of computeHistoryCleanup(deployment, oldSets)) {
      await this.#context.client.replicaSets
        .in(set.metadata.namespace)
        .delete(set.metadata.name, { preconditions: { uid: set.metadata.uid }, signal });
    }
  }

  #hasOldPods(oldSets: readonly DeploymentSet[]): boolean {
    const uids = new Set(oldSets.map(({ metadata }) => metadata.uid));
    const pods: readonly Stored<Pod>[] = this.#context.informers
      .for(resources.pods)
      .inNamespace(oldSets[0]?.metadata.namespace ?? "");
    return pods.some((pod) => uids.has(controllerOf(pod)?.uid ?? "") && !isPodFinished(pod));
  }

  async #report(deployment: Stored<Deployment>, step: RolloutStep, signal: AbortSignal) {
    const { client, clock } = this.#context;
    const status = computeDeploymentStatus(deployment, step, clock.now());
    if (canonicalJson(status) === canonicalJson(deployment.status ?? {})) return status;
    // The metadata may have been patched above; the status needs no older version to be right.
    const { resourceVersion: _version, ...metadata } = deployment.metadata;
    await client.deployments.in(deployment.metadata.namespace).patch(
      deployment.metadata.name,
      {
        type: "merge",
        body: { metadata: { uid: metadata.uid }, status: withNulls(deployment.status ?? {}, status) },
      },
      { subresource: "status", signal },
    );
    return status;
  }
}

/** A merge patch that also removes what is no longer there. */
function withNulls(before: object, after: object): object {
  const removed = Object.keys(before).filter((key) => (after as Record<string, unknown>)[key] === undefined);
  return { ...after, ...Object.fromEntries(removed.map((key) => [key, null])) };
}
