/** Bearer tokens, fixed or in a file that others rewrite before the token in it expires. */
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";

export interface TokenSource {
  /** The token to send now. Throws when there never was one. */
  current(): Promise<string>;
  /** The server refused the token: true when asking again may give another. */
  refused(token: string): Promise<boolean>;
}

/** How long a token that was read is used before its file is read again. */
const rereadMs = 60_000;

export function fixedToken(token: string): TokenSource {
  return { current: async () => token, refused: async () => false };
}

/** Reads the file again after a minute, and at once when the server refuses the token. */
export function fileToken(file: string, files: Files, clock: Clock): TokenSource {
  let token: string | undefined;
  let readAt = Number.NEGATIVE_INFINITY;

  async function read(): Promise<string> {
    readAt = clock.monotonic();
    try {
      const text = (await files.readText(file)).trim();
      if (text === "") throw new BerthError("Invalid", `token file ${file} is empty`);
      token = text;
    } catch (error) {
      // A file that is being replaced, or is unreadable for a while, must not cut off a client that has a token.
      if (token === undefined) throw error;
    }
    return token;
  }

  return {
    current: async () => (token !== undefined && clock.monotonic() - readAt < rereadMs ? token : await read()),
    refused: async (used) => (await read()) !== used,
  };
}
