/** The FlowSchemas and priority levels of the cluster, ranked anew when one changes, for the filter that bounds load. */
import type { FlowSchema, PriorityLevelConfiguration } from "#pkg/api/flowcontrol/v1.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { RequestContext } from "./api-request.ts";
import { classifyFlow, rankFlowSchemas } from "./classify-flow.ts";

const group = "flowcontrol.apiserver.k8s.io";

export interface Flow {
  readonly schemaUid: string;
  readonly levelUid: string;
  /** The priority level is not limited. */
  readonly isExempt: boolean;
}

export class FlowDirectory implements Disposable {
  readonly #reader: ObjectReader;
  readonly #subscriptions: readonly Disposable[];
  #ranked: readonly FlowSchema[] | undefined;
  #flows = new Map<string, Flow>();

  constructor(reader: ObjectReader) {
    this.#reader = reader;
    const forget = (): void => {
      this.#ranked = undefined;
      this.#flows = new Map();
    };
    const resources = ["flowschemas", "prioritylevelconfigurations"];
    this.#subscriptions = resources.map((resource) => reader.onChange(group, resource, forget));
  }

  /** Undefined when no schema fits: a cluster without the default ones. */
  flowOf({ user, info }: Pick<RequestContext, "user" | "info">): Flow | undefined {
    this.#ranked ??= rankFlowSchemas(this.#reader.list(group, "flowschemas", "") as unknown as FlowSchema[]);
    if (this.#ranked.length === 0) return undefined;
    const schema = classifyFlow(this.#ranked, user, info);
    return schema && this.#describe(schema);
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  #describe(schema: FlowSchema): Flow {
    const schemaUid = schema.metadata.uid ?? "";
    let flow = this.#flows.get(schemaUid);
    if (!flow) {
      const name = schema.spec.priorityLevelConfiguration.name;
      const level = this.#reader.get(group, "prioritylevelconfigurations", "", name) as unknown as
        | PriorityLevelConfiguration
        | undefined;
      flow = { schemaUid, levelUid: level?.metadata.uid ?? "", isExempt: level?.spec?.type === "Exempt" };
      this.#flows.set(schemaUid, flow);
    }
    return flow;
  }
}
