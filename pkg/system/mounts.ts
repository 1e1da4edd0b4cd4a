/**
 * Mounts of this machine, through mount(8) and umount(8). What is mounted is read from the kernel each time, so that calling
 * again after a crash is harmless. Sources and targets are taken as they are: no symbolic link is followed on the way to a
 * target that the caller did not look at.
 */
import { BerthError } from "./errors.ts";
import type { CommandRunner } from "./exec.ts";
import type { KernelFiles } from "./kernel-files.ts";

export interface MountEntry {
  readonly target: string;
  /** "tmpfs", "ext4", … */
  readonly type: string;
}

export interface TmpfsOptions {
  /** Undefined: half of the machine's memory, as the kernel does. */
  readonly sizeBytes?: number | undefined;
}

export interface Mounts {
  /** What is mounted on the folder itself and below it, innermost and latest first. */
  below(folder: string): Promise<readonly MountEntry[]>;
  /** The target must be there; everyone may write to what is mounted. Nothing happens when a tmpfs is mounted on it already. */
  mountTmpfs(target: string, options?: TmpfsOptions): Promise<void>;
  /** Makes `source`, a file or folder, visible at `target`, which must be of the same kind. */
  bind(source: string, target: string): Promise<void>;
  /** Takes off everything that is mounted on the target itself; harmless when nothing is. Throws "Conflict" while it is in use. */
  unmount(target: string): Promise<void>;
}

const table = "/proc/self/mountinfo";

export function createMounts(runner: CommandRunner, files: Pick<KernelFiles, "read">): Mounts {
  const entries = async (): Promise<readonly MountEntry[]> => parseMountInfo(await files.read(table));
  const at = async (target: string): Promise<readonly MountEntry[]> =>
    (await entries()).filter((entry) => entry.target === target);
  return {
    async below(folder) {
      const prefix = folder === "/" ? "/" : `${folder}/`;
      return (await entries()).filter(({ target }) => target === folder || target.startsWith(prefix)).reverse();
    },
    async mountTmpfs(target, options = {}) {
      if ((await at(target)).some(({ type }) => type === "tmpfs")) return;
      const size = options.sizeBytes === undefined ? [] : ["-o", `size=${options.sizeBytes}`];
      await runner.run({ argv: ["mount", "-n", "-t", "tmpfs", ...size, "tmpfs", target] });
    },
    async bind(source, target) {
      await runner.run({ argv: ["mount", "-n", "--no-canonicalize", "--bind", source, target] });
    },
    async unmount(target) {
      for (let left = (await at(target)).length; left > 0; left--) {
        try {
          await runner.run({ argv: ["umount", "-n", "--no-canonicalize", target] });
        } catch (error) {
          if ((await at(target)).length < left) continue;
          throw new BerthError("Conflict", `cannot unmount ${target}: ${(error as Error).message}`, { cause: error });
        }
      }
    },
  };
}

/** The kernel's list, oldest first. Blanks and the like are written as octal numbers there. */
export function parseMountInfo(text: string): readonly MountEntry[] {
  return text.split("\n").flatMap((line) => {
    const words = line.split(" ");
    const dash = words.indexOf("-", 6);
    const target = words[4];
    if (target === undefined || dash < 0) return [];
    return [{ target: decodeEscapes(target), type: words[dash + 1] ?? "" }];
  });
}

/** Only blanks, tabs, line ends and backslashes are escaped. */
function decodeEscapes(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
