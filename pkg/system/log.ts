/**
 * Structured logs: one JSON line per event on standard error, through pino. A line names its component and its object;
 * text is constant, data goes into fields, so that logs can be searched.
 */
import { destination, type Logger as PinoLogger, pino } from "pino";
import { messageOf } from "./errors.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each of its lines. */
  with(fields: LogFields): Logger;
}

/** Writes to file descriptor `fd` (default: standard error), synchronously so that the last lines of a crash are kept. */
export function createLogger(component: string, level: LogLevel = "info", fd = 2): Logger {
  const target = pino(
    {
      level,
      base: { component },
      messageKey: "msg",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ dest: fd, sync: true }),
  );
  return new PinoBackedLogger(target);
}

/** Drops everything: for tests and for callers that do not care. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};

class PinoBackedLogger implements Logger {
  readonly #target: PinoLogger;

  constructor(target: PinoLogger) {
    this.#target = target;
  }

  debug(message: string, fields?: LogFields): void {
    this.#target.debug(printable(fields), message);
  }

  info(message: string, fields?: LogFields): void {
    this.#target.info(printable(fields), message);
  }

  warn(message: string, fields?: LogFields): void {
    this.#target.warn(printable(fields), message);
  }

  error(message: string, fields?: LogFields): void {
    this.#target.error(printable(fields), message);
  }

  with(fields: LogFields): Logger {
    return new PinoBackedLogger(this.#target.child(printable(fields)));
  }
}

/** Errors do not survive JSON by themselves: `error` becomes its message, its code and its cause's message. */
function printable(fields: LogFields = {}): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (!(value instanceof Error)) {
      out[key] = value;
      continue;
    }
    out[key] = value.message;
    const code = (value as { code?: unknown }).code;
    if (code !== undefined) out[`${key}Code`] = code;
    if (value.cause !== undefined) out[`${key}Cause`] = messageOf(value.cause);
  }
  return out;
}
