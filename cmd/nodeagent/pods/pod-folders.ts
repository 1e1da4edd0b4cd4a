/**
 * Where the agent keeps what belongs to a pod. Pure; the names are those other node tools look for.
 *   <rootDir>/pods/<uid>/{volumes,plugins,containers/<name>/<id>,etc-hosts}
 *   /var/log/pods/<namespace>_<name>_<uid>/<container>/<restart>.log
 */
import path from "node:path";

export interface AgentFolders {
  /** Usually /var/lib/kubelet. */
  readonly root: string;
  /** Usually /var/log/pods. */
  readonly podLogs: string;
}

export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export function podFolder(folders: AgentFolders, uid: string): string {
  return path.join(folders.root, "pods", uid);
}

/** Of all volumes; a volume is below it as `<plugin with "/" written "~">/<name>`. */
export function volumesFolder(folders: AgentFolders, uid: string): string {
  return path.join(podFolder(folders, uid), "volumes");
}

/** The file that is mounted as the container's termination message; `run` is anything unique to this run of it. */
export function terminationMessageFile(folders: AgentFolders, uid: string, container: string, run: string): string {
  return path.join(podFolder(folders, uid), "containers", container, run);
}

export function podLogFolder(folders: AgentFolders, pod: PodIdentity): string {
  return path.join(folders.podLogs, `${pod.namespace}_${pod.name}_${pod.uid}`);
}

/** Relative to the pod's log folder. */
export function containerLogPath(container: string, restartCount: number): string {
  return path.join(container, `${restartCount}.log`);
}

export function podIdentity(pod: {
  readonly metadata: {
    readonly name?: string | undefined;
    readonly namespace?: string | undefined;
    readonly uid?: string | undefined;
  };
}): PodIdentity {
  const { name = "", namespace = "", uid = "" } = pod.metadata;
  return { name, namespace, uid };
}
