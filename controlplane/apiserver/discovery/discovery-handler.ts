/**
 * Serves discovery. Documents are written once per form and kept until the set of served resources changes; the newer
 * form carries an ETag, so that clients ask again for the price of a 304.
 */
import { createHash } from "node:crypto";
import type { ApiHandler, ApiRequest, ApiResponse } from "../http/api-request.ts";
import {
  type AllowsTransform,
  type MediaFormat,
  mediaTypes,
  negotiateResponse,
  type ResponseForm,
} from "../http/negotiation.ts";
import {
  buildApiGroup,
  buildApiGroupList,
  buildApiResourceList,
  buildApiVersions,
  buildGroupDiscoveryList,
  type ServedGroup,
} from "./discovery-documents.ts";

/** What is served now; custom resources and servers behind this one come and go. */
export interface DiscoverySource {
  /** Grows with every change of `groups`. */
  readonly generation: number;
  groups(): readonly ServedGroup[];
}

/** Writes one of the discovery documents in a form other than JSON. */
export type DocumentEncoder = (document: object, form: ResponseForm) => Uint8Array | string;

interface Rendered {
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly etag: string | undefined;
}

const aggregated: AllowsTransform = (_format, as) =>
  as.kind === "APIGroupDiscoveryList" &&
  as.group === "apidiscovery.k8s.io" &&
  (as.version === "v2" || as.version === "v2beta1");

/** Handles `/api`, `/apis` and what is below them down to a group and version; undefined for any other path. */
export class DiscoveryHandler {
  readonly #source: DiscoverySource;
  readonly #serverAddress: () => string;
  readonly #encode: DocumentEncoder;
  readonly #rendered = new Map<string, Rendered | undefined>();
  #generation = -1;

  constructor(source: DiscoverySource, serverAddress: () => string, encode: DocumentEncoder) {
    this.#source = source;
    this.#serverAddress = serverAddress;
    this.#encode = encode;
  }

  find(path: string): ApiHandler | undefined {
    const parts = path.split("/").filter((part) => part !== "");
    const root = parts[0];
    if ((root !== "api" && root !== "apis") || parts.length > (root === "api" ? 2 : 3)) return undefined;
    const key = parts.join("/");
    if (!this.#document(key, undefined)) return undefined;
    return async (request) => this.#respond(request, key);
  }

  #respond(request: ApiRequest, key: string): ApiResponse {
    const isRoot = key === "api" || key === "apis";
    const form = negotiateResponse(request.headers["accept"], false, isRoot ? aggregated : () => false);
    const rendered = this.#render(key, form);
    const headers: Record<string, string> = { "content-type": rendered.contentType };
    if (isRoot) headers["vary"] = "Accept";
    if (rendered.etag) {
      headers["etag"] = rendered.etag;
      headers["cache-control"] = "public";
      if (matchesTag(request.headers["if-none-match"], rendered.etag)) return { status: 304, headers };
    }
    return { status: 200, headers, body: rendered.body };
  }

  #render(key: string, form: ResponseForm): Rendered {
    const cacheKey = `${key} ${form.format} ${form.as?.version ?? ""} ${this.#serverAddress()}`;
    if (this.#generation !== this.#source.generation) {
      this.#generation = this.#source.generation;
      this.#rendered.clear();
    }
    const known = this.#rendered.get(cacheKey);
    if (known) return known;
    const document = this.#document(key, form.as?.version) ?? {};
    const text = form.format === "json" ? `${JSON.stringify(document)}\n` : this.#encode(document, form);
    const body = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const rendered: Rendered = {
      contentType: contentTypeOf(form.format, form.as?.version),
      body,
      etag: form.as ? `"${createHash("sha512").update(body).digest("hex").toUpperCase()}"` : undefined,
    };
    this.#rendered.set(cacheKey, rendered);
    return rendered;
  }

  /** Undefined when there is no such group or version. */
  #document(key: string, aggregatedVersion: string | undefined): object | undefined {
    const groups = this.#source.groups();
    const [root, group = "", version = ""] = key.startsWith("apis") ? key.split("/") : ["api", "", key.split("/")[1]];
    if (aggregatedVersion === "v2" || aggregatedVersion === "v2beta1") {
      const wanted = groups.filter((one) => (one.group === "") === (root === "api"));
      return buildGroupDiscoveryList(wanted, aggregatedVersion);
    }
    if (key === "api") return buildApiVersions(groups, this.#serverAddress());
    if (key === "apis") return buildApiGroupList(groups);
    const served = groups.find((one) => one.group === group);
    if (!served) return undefined;
    if (version === "") return buildApiGroup(served);
    const versions = served.versions.find((one) => one.version === version);
    return versions && buildApiResourceList(group, versions);
  }
}

function contentTypeOf(format: MediaFormat, aggregatedVersion: string | undefined): string {
  const base = mediaTypes[format];
  return aggregatedVersion ? `${base};g=apidiscovery.k8s.io;v=${aggregatedVersion};as=APIGroupDiscoveryList` : base;
}

function matchesTag(header: string | undefined, etag: string): boolean {
  return header?.split(",").some((one) => one.trim() === etag || one.trim() === "*") ?? false;
}
