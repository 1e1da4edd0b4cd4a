/**
 * Shows the stages of a command as they happen: on a terminal the running one turns with its time, elsewhere each is a line when
 * it ends, and with JSON each event is an object of its own.
 */
import type { Clock, Timer } from "#pkg/system/clock.ts";

export interface StageReporter extends Disposable {
  begin(stage: string): void;
  /** What the running stage is at. */
  note(text: string): void;
  end(detail: string): void;
  fail(reason: string): void;
  /** Lines at the end of the command. */
  finish(summary: Readonly<Record<string, unknown>>, text: string): void;
}

export interface ReporterOptions {
  readonly form: "spinner" | "plain" | "json";
  readonly hasColour: boolean;
  readonly clock: Clock;
  /** Stages, on standard error. */
  readonly progress: (text: string) => void;
  /** The result, on standard output; JSON events go there too. */
  readonly result: (text: string) => void;
}

export function createStageReporter(options: ReporterOptions): StageReporter {
  return options.form === "json" ? new JsonReporter(options) : new TextReporter(options);
}

class JsonReporter implements StageReporter {
  readonly #options: ReporterOptions;
  #stage = "";
  #startMs = 0;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  begin(stage: string): void {
    this.#stage = stage;
    this.#startMs = this.#options.clock.monotonic();
    this.#write({ event: "stageBegan", stage });
  }

  note(text: string): void {
    this.#write({ event: "note", stage: this.#stage, text });
  }

  end(detail: string): void {
    this.#write({ event: "stageEnded", stage: this.#stage, ms: this.#elapsedMs(), detail });
  }

  fail(reason: string): void {
    this.#write({ event: "stageFailed", stage: this.#stage, ms: this.#elapsedMs(), reason });
  }

  finish(summary: Readonly<Record<string, unknown>>): void {
    this.#write({ event: "finished", ...summary });
  }

  [Symbol.dispose](): void {
    // Nothing runs on.
  }

  #elapsedMs(): number {
    return Math.round(this.#options.clock.monotonic() - this.#startMs);
  }

  #write(event: Readonly<Record<string, unknown>>): void {
    const time = new Date(this.#options.clock.now()).toISOString();
    this.#options.result(`${JSON.stringify({ time, ...event })}\n`);
  }
}

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
const frameMs = 100;
const clearLine = "\r\u001b[2K";

class TextReporter implements StageReporter {
  readonly #options: ReporterOptions;
  #stage = "";
  #note = "";
  #startMs = 0;
  #timer: Timer | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  begin(stage: string): void {
    this.#stage = stage;
    this.#note = "";
    this.#startMs = this.#options.clock.monotonic();
    if (this.#options.form === "spinner") this.#turn(0);
  }

  note(text: string): void {
    this.#note = text;
    if (this.#options.form === "plain") this.#options.progress(`  … ${this.#stage.padEnd(nameWidth)} ${text}\n`);
  }

  end(detail: string): void {
    this.#close("✓", "32", detail);
  }

  fail(reason: string): void {
    this.#close("✗", "31", reason);
  }

  finish(_summary: Readonly<Record<string, unknown>>, text: string): void {
    if (text !== "") this.#options.result(`${text}\n`);
  }

  [Symbol.dispose](): void {
    if (!this.#timer) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#options.progress(clearLine);
  }

  #turn(frame: number): void {
    const mark = this.#paint("36", frames[frame % frames.length] ?? "");
    this.#options.progress(`${clearLine}${formatStage(mark, this.#stage, this.#elapsedMs(), this.#note)}`);
    this.#timer = this.#options.clock.setTimer(frameMs, () => this.#turn(frame + 1));
  }

  #close(mark: string, colour: string, detail: string): void {
    this[Symbol.dispose]();
    const line = formatStage(this.#paint(colour, mark), this.#stage, this.#elapsedMs(), detail);
    this.#options.progress(`${line}\n`);
  }

  #elapsedMs(): number {
    return this.#options.clock.monotonic() - this.#startMs;
  }

  #paint(colour: string, text: string): string {
    return this.#options.hasColour ? `\u001b[${colour}m${text}\u001b[39m` : text;
  }
}

const nameWidth = 14;

/** One line: mark, name, seconds, detail. */
export function formatStage(mark: string, stage: string, elapsedMs: number, detail: string): string {
  const seconds = `${(elapsedMs / 1000).toFixed(elapsedMs < 10_000 ? 2 : 1)} s`;
  return `  ${mark} ${stage.padEnd(nameWidth)} ${seconds.padStart(7)}  ${detail}`.trimEnd();
}
