/** Names of field managers. */

/** Characters and bytes a manager's name may have at most. */
export const maxManagerLength = 128;

/** The manager of a write that named none: the client's program, from its User-Agent. */
export function managerFromUserAgent(userAgent: string): string {
  let name = "";
  let bytes = 0;
  for (const character of userAgent.split("/")[0] ?? "") {
    if (!isPrintable(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > maxManagerLength) break;
    name += character;
  }
  return name;
}

/** What is wrong with a fieldManager parameter, as upstream words it; undefined when nothing is. */
export function findManagerNameProblem(name: string): string | undefined {
  if (Buffer.byteLength(name) > maxManagerLength) return `may not be more than ${maxManagerLength} bytes`;
  const position = [...name].findIndex((character) => !isPrintable(character));
  return position < 0 ? undefined : "should only contain printable characters";
}

function isPrintable(character: string): boolean {
  return character === " " || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character);
}
