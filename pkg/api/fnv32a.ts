/** FNV-1a, 32 bits, of the UTF-8 bytes of a text: a short mark that is the same for the same text. Not for secrets. Pure. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
