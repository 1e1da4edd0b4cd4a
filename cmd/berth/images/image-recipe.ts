/**
 * What an image is made of, when no registry is at hand: programs out of Debian packages or from this machine, with the
 * libraries they load, and a few files. Pure data; `build-image.ts` makes the archive.
 */

export interface ImageRecipe {
  /** Full reference with a tag, e.g. "berth.local/redis:7". */
  readonly reference: string;
  readonly programs: readonly ImageProgram[];
  readonly files: readonly ImageFile[];
  /** Symbolic links: path in the image to target. */
  readonly links?: Readonly<Record<string, string>>;
  readonly config: ImageConfig;
}

export interface ImageProgram {
  /** Where the program is: in the unpacked Debian root ("debian"), or on this machine ("local"). */
  readonly from: "debian" | "local";
  /** Path there. */
  readonly source: string;
  /** Path in the image. */
  readonly target: string;
}

export interface ImageFile {
  readonly target: string;
  readonly content: string;
  /** Permission bits. Default 0o644. */
  readonly mode?: number;
}

/** The part of the OCI image configuration that recipes set. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** "uid" or "uid:gid", as numbers: runAsNonRoot can be checked only then. */
  readonly user?: string;
  readonly workingDir?: string;
}

/** Folders every image has, so that volumes, /tmp and resolv.conf have a place. */
export const standardFolders = ["etc", "proc", "sys", "dev", "tmp", "run", "var/run", "root"] as const;

/** Files every image has: names for root and the usual unprivileged user. */
export const standardFiles: readonly ImageFile[] = [
  {
    target: "/etc/passwd",
    content: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
  },
  { target: "/etc/group", content: "root:x:0:\nnogroup:x:65534:\n" },
];
