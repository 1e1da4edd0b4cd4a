/** Lets the event loop do whatever else waits, so that long work in slices does not hold everyone up. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
