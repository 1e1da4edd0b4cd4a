/** Fakes for what is recorded: a recorder that keeps what it is told, and a sink that keeps what it is sent. */
import type { Event } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { EventPatch } from "../event-correlator.ts";
import { type EventRecorder, type EventSink, type EventSubject, type EventType, referenceTo } from "../events.ts";

export class FakeEventRecorder implements EventRecorder {
  /** `Warning FailedMount Pod/ns/name: message`, in order. */
  readonly lines: string[] = [];

  event(about: EventSubject, type: EventType, reason: string, message: string): void {
    const { kind, namespace, name } = referenceTo(about);
    this.lines.push(`${type} ${reason} ${kind}/${namespace ? `${namespace}/` : ""}${name}: ${message}`);
  }

  /** The reasons alone, in order. */
  get reasons(): readonly string[] {
    return this.lines.map((line) => line.split(" ")[1] ?? "");
  }
}

/** Keeps events as an API server does: names are unique, what is not there cannot be patched. */
export class FakeEventSink implements EventSink {
  readonly events = new Map<string, Event>();
  /** Thrown by the next calls, one each. */
  readonly failures: Error[] = [];
  calls = 0;

  async create(event: Event): Promise<Event> {
    this.#count();
    const key = `${event.metadata.namespace}/${event.metadata.name}`;
    if (this.events.has(key))
      throw StatusError.alreadyExists({ group: "", resource: "events" }, event.metadata.name ?? "");
    this.events.set(key, event);
    return event;
  }

  async patch(namespace: string, name: string, patch: EventPatch): Promise<Event> {
    this.#count();
    const key = `${namespace}/${name}`;
    const old = this.events.get(key);
    if (!old) throw StatusError.notFound({ group: "", resource: "events" }, name);
    const patched = { ...old, ...patch };
    this.events.set(key, patched);
    return patched;
  }

  /** `reason xcount: message` of each event, in order of creation. */
  get lines(): readonly string[] {
    return [...this.events.values()].map(({ reason, count, message }) => `${reason} x${count}: ${message}`);
  }

  #count(): void {
    this.calls++;
    const failure = this.failures.shift();
    if (failure) throw failure;
  }
}
