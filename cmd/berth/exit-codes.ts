/** What the tool's exit status says, by the class of what went wrong. Part of the interface: numbers stay as they are. */
import { BerthError, type ErrorCode } from "#pkg/system/errors.ts";

export const exitCodes = {
  done: 0,
  /** Something unforeseen. */
  failed: 1,
  /** The command line is wrong, or the verb is not there. */
  usage: 2,
  notFound: 3,
  forbidden: 4,
  /** A part does not answer or did not start. */
  unavailable: 5,
  timeout: 6,
  /** Something is in the way: a port in use, a folder of another cluster. */
  conflict: 7,
  /** Ended by Ctrl-C, as shells have it. */
  interrupted: 130,
} as const;

const byErrorCode: Readonly<Partial<Record<ErrorCode, number>>> = {
  Invalid: exitCodes.usage,
  NotFound: exitCodes.notFound,
  Forbidden: exitCodes.forbidden,
  Unauthorized: exitCodes.forbidden,
  Unavailable: exitCodes.unavailable,
  Timeout: exitCodes.timeout,
  Conflict: exitCodes.conflict,
  AlreadyExists: exitCodes.conflict,
  Aborted: exitCodes.interrupted,
};

export function exitCodeOf(error: unknown): number {
  return (error instanceof BerthError ? byErrorCode[error.code] : undefined) ?? exitCodes.failed;
}

export const exitCodesHelp = `
Exit codes:
  0    done; for status: everything runs
  1    something unforeseen
  2    the command line is wrong, or the verb is not there yet
  3    there is no such cluster, program or object
  4    more rights are needed
  5    a part did not start, or does not answer; for status: something does not run
  6    it took too long
  7    something is in the way, such as a port in use
  130  interrupted`;
