/** All controllers of the control plane, started together on one set of informers. Composition only. */

import { startCertificateController } from "./certificates/certificate-controllers.ts";
import type { CertificateSigner } from "./certificates/certificate-signer.ts";
import type { ControllerContext, ControllerEvents } from "./controller-context.ts";
import { startDeploymentController } from "./deployment-controller.ts";
import { startEndpointSliceController } from "./endpoints/endpoint-slice-controller.ts";
import { startEndpointSliceMirroringController } from "./endpoints/endpoint-slice-mirroring-controller.ts";
import { startEndpointsController } from "./endpoints/endpoints-controller.ts";
import { startGarbageCollector } from "./garbage-collector/garbage-collector.ts";
import { startNamespaceController } from "./namespaces/namespace-controller.ts";
import { startRootCaPublisher } from "./namespaces/root-ca-publisher.ts";
import { startServiceAccountController } from "./namespaces/service-account-controller.ts";
import { startNodeHealthMonitor } from "./nodes/node-health-monitor.ts";
import { startNodeIpamController } from "./nodes/node-ipam-controller.ts";
import { startNodeTaintController } from "./nodes/node-taint-controller.ts";
import { startPodGarbageCollector } from "./nodes/pod-garbage-collector.ts";
import { startTaintEvictionController } from "./nodes/taint-eviction-controller.ts";
import { startClusterRoleAggregationController } from "./policy/cluster-role-aggregation-controller.ts";
import { startResourceQuotaController } from "./policy/resource-quota-controller.ts";
import { startServiceCidrController } from "./policy/service-cidr-controller.ts";
import { startReplicaSetController, startReplicationControllerController } from "./replica-set-controller.ts";
import { discoverWith } from "./resource-discovery.ts";

export interface ControllersOptions {
  /** What pods verify the API server by. */
  readonly rootCaPem: string;
  /** Undefined: the authority's key is elsewhere, and so is whoever signs. */
  readonly signer: CertificateSigner | undefined;
  /** Addresses of pods; each node gets a part. */
  readonly clusterCidr: string;
  /** How long a node may be silent before it counts as lost. */
  readonly nodeMonitorGracePeriodMs: number;
}

export interface ControllersPorts extends Omit<ControllerContext, "events"> {
  /** A recorder for one controller: `deployment-controller`. */
  eventsFor(component: string): ControllerEvents;
}

/** Dispose stops the controllers in the reverse order; the informers stay the caller's. */
export function startControllers(options: ControllersOptions, ports: ControllersPorts): AsyncDisposable {
  const { eventsFor, ...shared } = ports;
  const as = (component: string): ControllerContext => ({ ...shared, events: ports.eventsFor(component) });
  const discover = discoverWith(ports.client);
  const stack = new AsyncDisposableStack();
  stack.use(startServiceAccountController(as("service-account-controller")));
  stack.use(startRootCaPublisher(as("root-ca-certificate-publisher"), options.rootCaPem));
  stack.use(startNamespaceController(as("namespace-controller"), discover));
  stack.use(startGarbageCollector(as("garbage-collector-controller"), discover));
  stack.use(startEndpointsController(as("endpoint-controller")));
  stack.use(startEndpointSliceController(as("endpoint-slice-controller")));
  stack.use(startEndpointSliceMirroringController(as("endpoint-slice-mirroring-controller")));
  stack.use(startClusterRoleAggregationController(as("clusterrole-aggregation-controller")));
  stack.use(startResourceQuotaController(as("resourcequota-controller"), discover));
  stack.use(startServiceCidrController(as("service-cidr-controller")));
  if (options.signer) stack.use(startCertificateController(as("certificate-controller"), options.signer));
  stack.use(startNodeIpamController(as("cidrAllocator"), options.clusterCidr));
  stack.use(startNodeTaintController(as("node-controller")));
  stack.use(startNodeHealthMonitor(as("node-controller"), { graceMs: options.nodeMonitorGracePeriodMs }));
  stack.use(startTaintEvictionController(as("taint-eviction-controller")));
  stack.use(startPodGarbageCollector(as("pod-garbage-collector")));
  stack.use(startReplicationControllerController(as("replication-controller")));
  stack.use(startReplicaSetController(as("replicaset-controller")));
  stack.use(startDeploymentController(as("deployment-controller")));
  return stack;
}
