/** A stack of things to undo: a test's resources go away in reverse order, also when it failed half-way. */
export class CleanupStack implements AsyncDisposable {
  readonly #actions: (() => unknown)[] = [];

  defer(action: () => unknown): void {
    this.#actions.push(action);
  }

  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let action = this.#actions.pop(); action; action = this.#actions.pop()) {
      try {
        await action();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0)
      throw new AggregateError(failures, `cleaning up failed: ${failures.map(String).join("; ")}`);
  }
}
