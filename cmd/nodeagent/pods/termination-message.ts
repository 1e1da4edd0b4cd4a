/**
 * What a container that ended leaves behind for people: the file it wrote, or the end of its log.
 * Source: kubelet getTerminationMessage (v1.36).
 */
import type { ContainerStatus } from "#pkg/cri/generated/cri.ts";
import type { ScratchFiles } from "#pkg/system/scratch-files.ts";
import { messagePathAnnotation, messagePolicyAnnotation } from "./identity-labels.ts";

const maxFileBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;

/** Returns a reader for RuntimeReader. Never throws: a message that cannot be read says so. */
export function terminationMessageReader(files: ScratchFiles): (status: ContainerStatus) => Promise<string> {
  return async (status) => {
    const path = status.annotations[messagePathAnnotation];
    const mount = status.mounts.find(({ containerPath }) => containerPath === path);
    try {
      const written = mount ? await files.readHead(mount.hostPath, maxFileBytes) : undefined;
      if (written) return written;
      const usesLog = status.annotations[messagePolicyAnnotation] === "FallbackToLogsOnError" && status.exitCode !== 0;
      return usesLog && status.logPath ? endOfLog((await files.readTail(status.logPath, 4 * maxLogBytes)) ?? "") : "";
    } catch (error) {
      return `Error on reading termination message: ${String(error)}`;
    }
  };
}

/** The content of the last lines of a log in CRI format: `<time> <stream> <P|F> <content>`. */
export function endOfLog(text: string): string {
  const lines = text.split("\n").slice(-maxLogLines - 1);
  let content = "";
  for (const line of lines) {
    const parts = /^\S+ std(?:out|err) (\S+) (.*)$/.exec(line);
    if (!parts) continue;
    content += parts[1]?.split(":").includes("P") ? parts[2] : `${parts[2]}\n`;
  }
  return content.slice(-maxLogBytes);
}
