/**
 * Counters, gauges and histograms with labels, cheap enough for the hot path: a caller keeps the child of its labels and
 * adds to plain numbers. prom-client formats them, and is loaded only when somebody scrapes.
 */

export type MetricType = "counter" | "gauge" | "histogram";

export interface Sample {
  /** Suffix of the family's name: "", "_bucket", "_sum" or "_count". */
  readonly suffix?: string | undefined;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  collect(): Iterable<Sample> | Promise<Iterable<Sample>>;
}

/** Label values in the order of the family's label names. */
export type LabelValues = readonly string[];

export class Value {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }
}

abstract class LabelledFamily<Child> {
  readonly name: string;
  readonly help: string;
  protected readonly labelNames: readonly string[];
  protected readonly children = new Map<string, { readonly labels: Record<string, string>; readonly child: Child }>();

  constructor(name: string, help: string, labelNames: readonly string[]) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
  }

  /** The child for these label values; keep it where it is used often. */
  with(...values: LabelValues): Child {
    const key = values.join("\u0000");
    let entry = this.children.get(key);
    if (!entry) {
      const labels: Record<string, string> = {};
      this.labelNames.forEach((name, at) => {
        labels[name] = values[at] ?? "";
      });
      entry = { labels, child: this.make() };
      this.children.set(key, entry);
    }
    return entry.child;
  }

  protected abstract make(): Child;
}

export class CounterFamily extends LabelledFamily<Value> implements MetricFamily {
  readonly type: MetricType = "counter";

  *collect(): Iterable<Sample> {
    for (const { labels, child } of this.children.values()) yield { labels, value: child.value };
  }

  protected make(): Value {
    return new Value();
  }
}

export class GaugeFamily extends CounterFamily {
  override readonly type: MetricType = "gauge";
}

export class Buckets {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.sum += value;
    this.count++;
    const { bounds } = this;
    for (let at = 0; at < bounds.length; at++) {
      if (value <= (bounds[at] as number)) {
        this.counts[at] = (this.counts[at] as number) + 1;
        return;
      }
    }
  }
}

export class HistogramFamily extends LabelledFamily<Buckets> implements MetricFamily {
  readonly type: MetricType = "histogram";
  readonly #bounds: readonly number[];

  constructor(name: string, help: string, labelNames: readonly string[], bounds: readonly number[]) {
    super(name, help, labelNames);
    this.#bounds = bounds;
  }

  *collect(): Iterable<Sample> {
    for (const { labels, child } of this.children.values()) {
      let total = 0;
      for (const [at, bound] of this.#bounds.entries()) {
        total += child.counts[at] ?? 0;
        yield { suffix: "_bucket", labels: { ...labels, le: bound }, value: total };
      }
      yield { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: child.count };
      yield { suffix: "_sum", labels, value: child.sum };
      yield { suffix: "_count", labels, value: child.count };
    }
  }

  protected make(): Buckets {
    return new Buckets(this.#bounds);
  }
}

/** A family whose samples are read from elsewhere at each scrape. */
export function computedFamily(
  type: MetricType,
  name: string,
  help: string,
  collect: () => Iterable<Sample> | Promise<Iterable<Sample>>,
): MetricFamily {
  return { type, name, help, collect };
}
