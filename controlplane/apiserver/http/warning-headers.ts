/** `Warning` headers: what kubectl prints above its result. Pure. Limits are upstream's: clients refuse huge headers. */

const totalLimit = 4 * 1024;
const eachLimitWhenMany = 256;

export function warningHeaders(texts: Iterable<string>): readonly string[] {
  const all = [...texts].map(clean);
  const total = all.reduce((sum, text) => sum + text.length, 0);
  const shown = total > totalLimit ? all.map((text) => text.slice(0, eachLimitWhenMany)) : all;
  const headers: string[] = [];
  let size = 0;
  for (const text of shown) {
    size += text.length;
    if (size > totalLimit) break;
    headers.push(`299 - "${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`);
  }
  return headers;
}

/** Control characters would end the header; other than ASCII needs an encoding that few clients know. */
function clean(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]+/g, " ").replace(/[^\x20-\x7e]/g, "?");
}
