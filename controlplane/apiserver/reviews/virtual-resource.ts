/** Resources that are asked and not stored: reviews, tokens. One create, one answer. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { UserInfo } from "../http/api-request.ts";

export interface VirtualRequest {
  readonly user: UserInfo;
  /** From the path; "" for cluster scope. */
  readonly namespace: string;
  /** From the path, for a subresource: the object it belongs to. */
  readonly name: string;
  /** Adds a `Warning` header. */
  warn(text: string): void;
}

export interface VirtualResource {
  readonly group: string;
  readonly version: string;
  /** Plural; for a subresource that of its parent. */
  readonly resource: string;
  /** "" or, for example, "token". */
  readonly subresource: string;
  /**
   * Answers a decoded object that passed admission, with its status filled in. Throws StatusError. The object given is not
   * changed.
   */
  create(object: KubeObject, request: VirtualRequest): Promise<KubeObject>;
}
