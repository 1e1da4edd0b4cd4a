/**
 * A fixed number of seats shared fairly between flows (users): a flow may not take more than three quarters of them, and
 * a freed seat goes to the waiting flow that holds the fewest, so a client with many requests delays itself, not others.
 * No clock and no promises here: waiting is an object with a callback.
 */

export interface SeatLimits {
  readonly seats: number;
  /** Waiting requests of one flow; more are refused. */
  readonly queuePerFlow: number;
}

interface Flow {
  held: number;
  readonly waiting: (() => void)[];
}

export class FairSeats {
  readonly #limits: SeatLimits;
  readonly #perFlow: number;
  /** Flows with a seat or with somebody waiting. */
  readonly #flows = new Map<string, Flow>();
  #held = 0;
  #waiting = 0;

  constructor(limits: SeatLimits) {
    this.#limits = limits;
    this.#perFlow = Math.max(1, Math.ceil((limits.seats * 3) / 4));
  }

  get held(): number {
    return this.#held;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Takes a seat when one is free for this flow. */
  tryTake(name: string): boolean {
    const flow = this.#flows.get(name);
    if (this.#held >= this.#limits.seats || (flow !== undefined && !this.#mayTake(flow))) return false;
    this.#held++;
    if (flow) flow.held++;
    else this.#flows.set(name, { held: 1, waiting: [] });
    return true;
  }

  /** Queues: `seated` is called, once, when the seat is taken. Undefined: the flow's queue is full. */
  enqueue(name: string, seated: () => void): { leave(): void } | undefined {
    const flow = this.#flows.get(name) ?? { held: 0, waiting: [] };
    if (flow.waiting.length >= this.#limits.queuePerFlow) return undefined;
    this.#flows.set(name, flow);
    flow.waiting.push(seated);
    this.#waiting++;
    return {
      leave: () => {
        const at = flow.waiting.indexOf(seated);
        if (at < 0) return;
        flow.waiting.splice(at, 1);
        this.#waiting--;
        this.#forget(name, flow);
      },
    };
  }

  /** Gives a seat back, and with it the next one in line theirs. */
  release(name: string): void {
    const flow = this.#flows.get(name);
    if (!flow || flow.held === 0) return;
    flow.held--;
    this.#held--;
    if (this.#waiting > 0) this.#seatNext();
    this.#forget(name, flow);
  }

  #seatNext(): void {
    let best: Flow | undefined;
    for (const flow of this.#flows.values()) {
      if (flow.waiting.length > 0 && flow.held < this.#perFlow && (!best || flow.held < best.held)) best = flow;
    }
    const seated = best?.waiting.shift();
    if (!best || !seated) return;
    this.#waiting--;
    best.held++;
    this.#held++;
    seated();
  }

  #mayTake(flow: Flow): boolean {
    return flow.waiting.length === 0 && flow.held < this.#perFlow;
  }

  #forget(name: string, flow: Flow): void {
    if (flow.held === 0 && flow.waiting.length === 0) this.#flows.delete(name);
  }
}
