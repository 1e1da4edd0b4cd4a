/**
 * How sandboxes and containers are marked in the runtime, so that an agent that starts anew finds its pods again, and so
 * that log and metric collectors know whose they are. The names are a contract with other tools.
 * Source: k8s.io/kubernetes pkg/kubelet/kuberuntime/labels.go (v1.36).
 */
export const podNameLabel = "io.kubernetes.pod.name";
export const podNamespaceLabel = "io.kubernetes.pod.namespace";
export const podUidLabel = "io.kubernetes.pod.uid";
export const containerNameLabel = "io.kubernetes.container.name";

export const hashAnnotation = "io.kubernetes.container.hash";
export const restartCountAnnotation = "io.kubernetes.container.restartCount";
export const messagePathAnnotation = "io.kubernetes.container.terminationMessagePath";
export const messagePolicyAnnotation = "io.kubernetes.container.terminationMessagePolicy";
export const preStopAnnotation = "io.kubernetes.container.preStopHandler";
export const portsAnnotation = "io.kubernetes.container.ports";
export const deletionGraceAnnotation = "io.kubernetes.pod.deletionGracePeriod";
export const terminationGraceAnnotation = "io.kubernetes.pod.terminationGracePeriod";
