/** Where webhooks are reached. Source: k8s.io/apiserver/pkg/util/webhook/validation.go (v1.36). */
import type { FieldPath } from "#pkg/api/field.ts";
import { dns1035LabelProblems, dns1123SubdomainProblems, portNumberProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";

const form = "; desired format: https://host[/path]";
const reviewVersions = ["v1", "v1beta1"];

interface WebhookClient {
  readonly url?: string | undefined;
  readonly service?: WebhookService | undefined;
}

interface WebhookService {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly path?: string | undefined;
  readonly port?: number | undefined;
}

export function validateWebhookClient(client: WebhookClient | undefined, at: FieldPath, errors: FieldErrors): void {
  const { url, service } = client ?? {};
  if ((url == null) === (service == null)) errors.required(at, "exactly one of url or service is required");
  else if (url != null) validateUrl(url, at.child("url"), errors);
  else if (service) validateService(service, at.child("service"), errors);
}

function validateUrl(text: string, at: FieldPath, errors: FieldErrors): void {
  const parts = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
  if (!parts || /[\p{Cc} ]/u.test(text)) {
    errors.required(at, `url must be a valid URL: cannot parse ${JSON.stringify(text)}${form}`);
    return;
  }
  const [, scheme = "", authority = "", query = "", fragment = ""] = parts;
  const [host = "", user] = authority.split("@").reverse();
  if (scheme.toLowerCase() !== "https") {
    errors.invalid(at, scheme.toLowerCase(), `'https' is the only allowed URL scheme${form}`);
  }
  if (!host) errors.invalid(at, host, `host must be specified${form}`);
  if (user !== undefined) errors.invalid(at, user, "user information is not permitted in the URL");
  if (fragment) errors.invalid(at, fragment, "fragments are not permitted in the URL");
  if (query) errors.invalid(at, query, "query parameters are not permitted in the URL");
}

function validateService(service: WebhookService, at: FieldPath, errors: FieldErrors): void {
  const { name, namespace, path, port = 0 } = service;
  errors.filled(at.child("name"), name);
  errors.filled(at.child("namespace"), namespace);
  const problems = portNumberProblems(port);
  if (problems.length > 0) errors.invalid(at.child("port"), port, `port is not valid: ${problems.join(", ")}`);
  if (path && path !== "/") validatePath(path, at.child("path"), errors);
}

function validatePath(path: string, at: FieldPath, errors: FieldErrors): void {
  if (path === "//") {
    errors.invalid(at, path, "segment[0] may not be empty");
    return;
  }
  if (!path.startsWith("/")) errors.invalid(at, path, "must start with a '/'");
  for (const [index, step] of path.slice(1).replace(/\/$/, "").split("/").entries()) {
    if (!step) errors.invalid(at, path, `segment[${index}] may not be empty`);
    else
      for (const problem of dns1123SubdomainProblems(step)) errors.invalid(at, path, `segment[${index}]: ${problem}`);
  }
}

/** The versions of reviews a webhook understands; at least one must be one this server speaks. */
export function validateReviewVersions(
  versions: readonly string[] | undefined,
  missing: string,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!versions?.length) {
    errors.required(at, missing);
    return;
  }
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) errors.invalid(at.index(index), version, "duplicate version");
    else errors.problems(at.index(index), version, dns1035LabelProblems(version));
  }
  if (!versions.some((version) => reviewVersions.includes(version))) {
    errors.invalid(at, versions, `must include at least one of ${reviewVersions.join(", ")}`);
  }
}
