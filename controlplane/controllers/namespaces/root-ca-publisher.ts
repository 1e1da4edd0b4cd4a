/** Keeps the cluster's root certificate in every namespace, in ConfigMap kube-root-ca.crt, for pods to mount. */
import type { ConfigMap } from "#pkg/api/core/v1.ts";
import { isStatus } from "#pkg/api/status.ts";
import { resources } from "#pkg/kube/resources.ts";
import { type ControllerContext, disposeAll, startLoop } from "../controller-context.ts";
import { isNamespaceTerminating } from "./namespace-state.ts";

const mapName = "kube-root-ca.crt";
const descriptionKey = "kubernetes.io/description";
const description = "The certificates by which pods in this namespace know this cluster's API server from others.";

export function startRootCaPublisher(context: ControllerContext, rootCaPem: string): AsyncDisposable {
  const { client, informers } = context;
  const namespaces = informers.for(resources.namespaces);
  const maps = informers.for(resources.configMaps);
  const reconcile = async (name: string, signal: AbortSignal) => {
    const namespace = namespaces.get(name);
    if (!namespace || namespace.metadata.deletionTimestamp) return {};
    const known = maps.get(`${name}/${mapName}`);
    if (known && isAsWanted(known, rootCaPem)) return {};
    const annotations = { ...known?.metadata.annotations, [descriptionKey]: description };
    const data = { "ca.crt": rootCaPem };
    const inNamespace = client.configMaps.in(name);
    try {
      if (known) await inNamespace.update({ ...known, metadata: { ...known.metadata, annotations }, data }, { signal });
      else {
        const metadata = { name: mapName, namespace: name, annotations };
        await inNamespace.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data }, { signal });
      }
    } catch (error) {
      if (!isStatus(error, "AlreadyExists") && !isNamespaceTerminating(error)) throw error;
    }
    return {};
  };
  const loop = startLoop(context, { name: "root-ca-certificate-publisher", reconcile }, 2);
  const onMap = ({ metadata }: ConfigMap): void => {
    if (metadata.name === mapName) loop.enqueue(metadata.namespace ?? "");
  };
  const subscriptions = [
    namespaces.addHandler({ onAdd: ({ metadata }) => loop.enqueue(metadata.name) }),
    maps.addHandler({ onUpdate: onMap, onDelete: onMap }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}

function isAsWanted({ data, metadata }: ConfigMap, rootCaPem: string): boolean {
  const names = Object.keys(data ?? {});
  return names.length === 1 && data?.["ca.crt"] === rootCaPem && metadata.annotations?.[descriptionKey] !== undefined;
}
