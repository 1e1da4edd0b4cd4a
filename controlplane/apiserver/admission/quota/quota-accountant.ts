/**
 * Charges writes to quotas. The writes of a namespace that wait at the same time are judged one after the other in memory
 * and written with one update a quota; the update carries the resourceVersion it started from, so that no charge of
 * another server, or of the quota controller, is lost.
 */
import type { ResourceQuota } from "#pkg/api/core/v1.ts";
import { isStatus } from "#pkg/api/status.ts";
import { BoundedCache } from "../../authn/bounded-cache.ts";
import type { ObjectReader, ObjectWriter } from "../../registry/resource-registry.ts";
import type { QuotaVerdict } from "./compute-quota-use.ts";

/** Judges one write against the quotas as they stand then. */
export type QuotaJudge = (quotas: readonly ResourceQuota[]) => QuotaVerdict;

interface Waiter {
  readonly judge: QuotaJudge;
  readonly dryRun: boolean;
  readonly settle: (refusal: string | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** How often a lost race for a quota is tried again. */
const retries = 3;

export class QuotaAccountant {
  readonly #reader: ObjectReader;
  readonly #writer: ObjectWriter;
  readonly #waiting = new Map<string, Waiter[]>();
  /** Quotas as last written, for as long as the cache has an older state. */
  readonly #written = new BoundedCache<string, ResourceQuota>(1000);

  constructor(reader: ObjectReader, writer: ObjectWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  /** Undefined when it was charged; else why it does not fit. */
  charge(namespace: string, judge: QuotaJudge, dryRun: boolean): Promise<string | undefined> {
    return new Promise((settle, fail) => {
      const waiter = { judge, dryRun, settle, fail };
      const queue = this.#waiting.get(namespace);
      if (queue) {
        queue.push(waiter);
        return;
      }
      this.#waiting.set(namespace, [waiter]);
      void this.#drain(namespace);
    });
  }

  async #drain(namespace: string): Promise<void> {
    for (let queue = this.#waiting.get(namespace); queue?.length; queue = this.#waiting.get(namespace)) {
      const batch = queue.splice(0);
      try {
        await this.#judgeBatch(this.#load(namespace), batch, retries);
      } catch (error) {
        for (const waiter of batch) waiter.fail(error);
      }
    }
    this.#waiting.delete(namespace);
  }

  async #judgeBatch(quotas: readonly ResourceQuota[], batch: readonly Waiter[], retriesLeft: number): Promise<void> {
    let running = quotas;
    const pending: Waiter[] = [];
    for (const waiter of batch) {
      const verdict = waiter.judge(running);
      if ("refusal" in verdict) waiter.settle(verdict.refusal);
      else if (waiter.dryRun || verdict.quotas.every((quota, index) => quota === running[index]))
        waiter.settle(undefined);
      else {
        running = verdict.quotas;
        pending.push(waiter);
      }
    }
    if (pending.length === 0) return;
    const lost = await this.#write(running.filter((quota, index) => quota !== quotas[index]));
    if (lost.length === 0) {
      for (const waiter of pending) waiter.settle(undefined);
      return;
    }
    if (retriesLeft === 0) throw lost[0]?.error;
    // The quotas that were written hold the charges already: only the others are judged again.
    const fresh = await Promise.all(lost.map(({ quota }) => this.#reload(quota)));
    await this.#judgeBatch(
      fresh.filter((quota) => quota !== undefined),
      pending,
      retriesLeft - 1,
    );
  }

  async #write(
    quotas: readonly ResourceQuota[],
  ): Promise<readonly { readonly quota: ResourceQuota; readonly error: unknown }[]> {
    const outcomes = await Promise.all(
      quotas.map(async (quota) => {
        try {
          const written = await this.#writer.update("", "resourcequotas", "status", quota);
          this.#written.set(keyOf(quota), written as ResourceQuota);
          return undefined;
        } catch (error) {
          if (isStatus(error, "Conflict") || isStatus(error, "NotFound")) return { quota, error };
          throw error;
        }
      }),
    );
    return outcomes.filter((outcome) => outcome !== undefined);
  }

  #load(namespace: string): readonly ResourceQuota[] {
    const cached = this.#reader.list("", "resourcequotas", namespace) as readonly ResourceQuota[];
    return cached.map((quota) => {
      const written = this.#written.get(keyOf(quota));
      const isSame = written?.metadata.uid === quota.metadata.uid;
      return written && isSame && revisionOf(written) > revisionOf(quota) ? written : quota;
    });
  }

  /** Undefined: it was deleted and limits nothing any more. */
  async #reload({ metadata }: ResourceQuota): Promise<ResourceQuota | undefined> {
    const { namespace = "", name = "" } = metadata;
    return (await this.#reader.getLive("", "resourcequotas", namespace, name)) as ResourceQuota | undefined;
  }
}

function keyOf({ metadata }: ResourceQuota): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function revisionOf({ metadata }: ResourceQuota): number {
  return Number(metadata.resourceVersion ?? 0);
}
