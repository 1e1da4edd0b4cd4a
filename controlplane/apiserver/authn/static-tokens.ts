/** Tokens from a file: `token,user,uid,"group1,group2"` a line, upstream's --token-auth-file. */
import { createHash } from "node:crypto";
import { BerthError } from "#pkg/system/errors.ts";
import type { UserInfo } from "../http/api-request.ts";
import type { TokenAuthenticator } from "./authenticator.ts";

export interface StaticToken {
  readonly token: string;
  readonly user: UserInfo;
}

/** Throws "Invalid" with the line's number, and never with the token in the text. */
export function parseTokenFile(text: string): readonly StaticToken[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "") return [];
    const fields = parseCsvLine(line);
    const [token, name, uid, groupList] = fields.map((field) => field.trim());
    if (!token || !name || uid === undefined) {
      const where = `line ${index + 1} of the token file`;
      throw new BerthError("Invalid", `${where} must be token,user,uid and optionally "group1,group2"`);
    }
    const groups = (groupList ?? "").split(",").filter((group) => group !== "");
    return [{ token, user: { name, uid, groups } }];
  });
}

/** Looks tokens up by their hash: how long it takes says nothing about how much of a guess was right. */
export class StaticTokenAuthenticator implements TokenAuthenticator {
  readonly #users: ReadonlyMap<string, UserInfo>;

  constructor(tokens: readonly StaticToken[]) {
    this.#users = new Map(tokens.map(({ token, user }) => [hash(token), user]));
  }

  async authenticateToken(token: string, audiences: readonly string[]) {
    const user = this.#users.get(hash(token));
    return user && { user, audiences };
  }
}

function hash(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}

function parseCsvLine(line: string): readonly string[] {
  const fields: string[] = [];
  const pattern = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g;
  for (const [, quoted, plain] of line.matchAll(pattern)) fields.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
  return fields;
}
