/** Tells which services a change concerns: their own changes, those of pods they select or used to, and those of nodes. */
import type { Node, Pod, Service } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isPodReady, podCondition } from "#pkg/api/pod-status.ts";
import { objectKey } from "#pkg/kube/object-store.ts";
import { resources } from "#pkg/kube/resources.ts";
import type { ControllerContext } from "../controller-context.ts";
import { podsByNode } from "../pods-by-node.ts";
import { selectsPods } from "./compute-endpoints-of-pods.ts";

/** Calls with the key of each service whose endpoints may have changed. */
export function followServices(
  { informers }: ControllerContext,
  onService: (key: string) => void,
): readonly Disposable[] {
  const services = informers.for(resources.services);
  const pods = informers.for(resources.pods);
  podsByNode.ensure(pods);
  const notify = (service: Stored<Service>): void => onService(objectKey(service));
  const onPod = (pod: Pod): void => {
    for (const service of services.inNamespace(pod.metadata.namespace ?? "")) {
      if (selectsPods(service) && isSelected(service, pod)) notify(service);
    }
  };
  const onNode = (node: Stored<Node>): void => {
    for (const pod of podsByNode.of(pods, node.metadata.name)) onPod(pod);
  };
  const zoneOf = ({ metadata }: Node): string | undefined => metadata.labels?.["topology.kubernetes.io/zone"];
  return [
    services.addHandler({ onAdd: notify, onUpdate: notify, onDelete: notify }),
    pods.addHandler({
      onAdd: onPod,
      onUpdate: (pod, previous) => {
        if (podSignature(pod) === podSignature(previous)) return;
        onPod(pod);
        if (labelText(pod) !== labelText(previous)) onPod(previous);
      },
      onDelete: onPod,
    }),
    informers.for(resources.nodes).addHandler({
      onAdd: onNode,
      onUpdate: (node, previous) => {
        if (zoneOf(node) !== zoneOf(previous)) onNode(node);
      },
      onDelete: onNode,
    }),
  ];
}

export function isSelected({ spec }: Service, { metadata }: Pod): boolean {
  return Object.entries(spec?.selector ?? {}).every(([name, value]) => metadata.labels?.[name] === value);
}

/** What of a pod its endpoints show; most status updates change none of it. */
function podSignature(pod: Pod): string {
  const { metadata, spec, status } = pod;
  return JSON.stringify([
    metadata.deletionTimestamp !== undefined,
    labelText(pod),
    spec?.nodeName,
    spec?.hostname,
    spec?.subdomain,
    status?.phase,
    status?.podIPs ?? status?.podIP,
    isPodReady(pod),
    podCondition(pod, "Ready")?.lastTransitionTime,
  ]);
}

function labelText({ metadata }: Pod): string {
  return JSON.stringify(Object.entries(metadata.labels ?? {}).sort());
}
