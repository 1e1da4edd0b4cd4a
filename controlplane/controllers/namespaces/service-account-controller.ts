/** Gives every namespace its `default` service account, and gives it again when somebody deletes it. */
import type { ServiceAccount } from "#pkg/api/core/v1.ts";
import { isStatus } from "#pkg/api/status.ts";
import { resources } from "#pkg/kube/resources.ts";
import { type ControllerContext, disposeAll, startLoop } from "../controller-context.ts";
import { isNamespaceTerminating } from "./namespace-state.ts";

const accountName = "default";

export function startServiceAccountController(context: ControllerContext): AsyncDisposable {
  const { client, informers } = context;
  const namespaces = informers.for(resources.namespaces);
  const accounts = informers.for(resources.serviceAccounts);
  const reconcile = async (name: string, signal: AbortSignal) => {
    const namespace = namespaces.get(name);
    if (!namespace || namespace.metadata.deletionTimestamp || accounts.get(`${name}/${accountName}`)) return {};
    const account: ServiceAccount = {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: accountName, namespace: name },
    };
    try {
      await client.serviceAccounts.in(name).create(account, { signal });
    } catch (error) {
      if (!isStatus(error, "AlreadyExists") && !isNamespaceTerminating(error)) throw error;
    }
    return {};
  };
  const loop = startLoop(context, { name: "serviceaccount", reconcile }, 2);
  const subscriptions = [
    namespaces.addHandler({ onAdd: ({ metadata }) => loop.enqueue(metadata.name) }),
    accounts.addHandler({
      onDelete: ({ metadata }) => {
        if (metadata.name === accountName) loop.enqueue(metadata.namespace ?? "");
      },
    }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}
