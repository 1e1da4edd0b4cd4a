/** When an image reference has neither tag nor digest, or the tag "latest", it may move: such images are pulled always. */
export function defaultPullPolicy(image: string): "Always" | "IfNotPresent" {
  return imageTag(image) === "latest" ? "Always" : "IfNotPresent";
}

const component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const domainLabel = "[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*";
const domain = `(?:${domainLabel}(?:\\.${domainLabel})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?`;
const nameExpression = new RegExp(`^(?:${domain}/)?${component}(?:/${component})*$`);
const tagExpression = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestExpression = /^@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** "latest" when nothing is said; "" for a digest alone, and for text that is no reference. */
function imageTag(image: string): string {
  const at = image.indexOf("@");
  const digest = at < 0 ? "" : image.slice(at);
  const named = at < 0 ? image : image.slice(0, at);
  // A colon before the last slash belongs to a port.
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? "" : named.slice(colon + 1);
  if (!nameExpression.test(name) || /^[0-9a-f]{64}$/.test(name)) return "";
  if (colon >= 0 && !tagExpression.test(tag)) return "";
  if (digest) return digestExpression.test(digest) ? tag : "";
  return tag || "latest";
}
