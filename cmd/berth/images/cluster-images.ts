/** The images of a new cluster: the pause container, and the demo's two. Pure. */
import type { ImageRecipe } from "./image-recipe.ts";

/** Debian packages the recipes take programs from. */
export const debianPackages = ["busybox", "catatonit", "redis-server", "redis-tools"] as const;
export const debianSuite = "bookworm";

export const pauseImage = "berth.local/pause:1";
export const busyboxImage = "berth.local/busybox:1";
export const redisImage = "berth.local/redis:7";
export const visitsImage = "berth.local/visits:1";

const applets = [
  ...["sh", "ls", "cat", "echo", "env", "id", "ps", "top", "sleep", "kill", "true", "false", "date", "hostname"],
  ...["stat", "head", "tail", "grep", "sed", "wc", "sort", "find", "dd", "df", "du", "free", "mount", "touch", "rm"],
  ...["mkdir", "cp", "mv", "tar", "vi", "wget", "nc", "httpd", "nslookup", "ping", "ip", "netstat"],
];
const shell = {
  program: { from: "debian", source: "/bin/busybox", target: "/bin/busybox" },
  links: Object.fromEntries(applets.map((name) => [`/bin/${name}`, "busybox"])),
} as const;

export interface RecipeInputs {
  /** Node.js on this machine. */
  readonly nodeProgram: string;
  /** Source of the demo's web program. */
  readonly visits: string;
}

/** The demo's images also have a shell, so that `kubectl exec` shows something. */
export function buildRecipes({ nodeProgram, visits }: RecipeInputs): readonly ImageRecipe[] {
  return [
    {
      reference: pauseImage,
      programs: [{ from: "debian", source: "/usr/bin/catatonit", target: "/pause" }],
      files: [],
      config: { entrypoint: ["/pause", "-P"], user: "65535:65535" },
    },
    {
      reference: busyboxImage,
      programs: [shell.program],
      files: [],
      links: shell.links,
      config: { entrypoint: ["/bin/sh"] },
    },
    {
      reference: redisImage,
      programs: [
        shell.program,
        { from: "debian", source: "/usr/bin/redis-check-rdb", target: "/usr/bin/redis-server" },
        { from: "debian", source: "/usr/bin/redis-cli", target: "/usr/bin/redis-cli" },
      ],
      files: [],
      links: shell.links,
      config: {
        entrypoint: ["/usr/bin/redis-server"],
        command: ["--bind", "*", "-::*", "--protected-mode", "no", "--dir", "/data"],
        user: "65534:65534",
        workingDir: "/data",
      },
    },
    {
      reference: visitsImage,
      programs: [shell.program, { from: "local", source: nodeProgram, target: "/usr/bin/node" }],
      files: [{ target: "/app/visits.js", content: visits }],
      links: shell.links,
      config: { entrypoint: ["/usr/bin/node", "/app/visits.js"], user: "65534:65534", workingDir: "/app" },
    },
  ];
}
