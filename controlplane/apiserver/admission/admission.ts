/**
 * Admission: what a write must pass after authorization. Plugins run in one fixed order, first all that change the
 * object, then all that only judge. A plugin that fails for its own reasons refuses the request.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { UserInfo } from "../http/api-request.ts";

export type AdmissionOperation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

export interface AdmissionAttributes {
  readonly operation: AdmissionOperation;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly subresource: string;
  readonly namespace: string;
  /** "" on create with generateName, and on deletecollection. */
  readonly name: string;
  /** The object as it would be stored; mutating plugins change it in place. Undefined on DELETE. */
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly nowMs: number;
  /** Create, update, delete or connect options as sent. */
  readonly options: Readonly<Record<string, unknown>>;
  warn(text: string): void;
}

export interface AdmissionPlugin {
  /** Upstream's name, e.g. "LimitRanger". */
  readonly name: string;
  handles(attributes: AdmissionAttributes): boolean;
  /** May change `attributes.object`. Throws StatusError to refuse. */
  mutate?(attributes: AdmissionAttributes): Promise<void>;
  /** Throws StatusError to refuse. */
  validate?(attributes: AdmissionAttributes): Promise<void>;
}

export interface Admission {
  mutate(attributes: AdmissionAttributes): Promise<void>;
  validate(attributes: AdmissionAttributes): Promise<void>;
}
