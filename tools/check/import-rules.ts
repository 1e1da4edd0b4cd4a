/**
 * The import rules of the design, as a check: who may import whom, and where the operating system may be touched.
 * Works on text, without a parser: comments and strings are blanked first, so that only code counts.
 */
import path from "node:path";

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Areas and what each may import besides itself. The longest matching prefix names a file's area. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "pkg/api": [],
  "pkg/system": ["pkg/api"],
  "pkg/cri": ["pkg/api", "pkg/system"],
  "pkg/probes": ["pkg/api", "pkg/system"],
  "pkg/cgroups": ["pkg/api", "pkg/system"],
  "pkg/network": ["pkg/api", "pkg/system"],
  "pkg/kube": ["pkg/api", "pkg/system"],
  "pkg/streams": ["pkg/api", "pkg/system"],
  "cmd/nodeagent": ["pkg"],
  "cmd/proxy": ["pkg"],
  "cmd/cni": ["pkg/api", "pkg/system", "pkg/network"],
  "cmd/dns": ["pkg"],
  "cmd/berth": ["pkg"],
  "controlplane/store": ["pkg/api", "pkg/system"],
  "controlplane/apiserver": ["controlplane/store", "pkg/api", "pkg/system", "pkg/kube", "pkg/streams"],
  "controlplane/scheduler": ["pkg/api", "pkg/system", "pkg/kube"],
  "controlplane/controllers": ["pkg/api", "pkg/system", "pkg/kube"],
  controlplane: ["controlplane", "pkg"],
  test: ["pkg", "cmd", "controlplane", "test"],
  tools: ["pkg"],
};

interface Door {
  readonly pattern: RegExp;
  readonly message: string;
}

/** What only pkg/system and the main.ts and options.ts of a program may do, each with the way to do it instead. */
const doors: readonly Door[] = [
  {
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)/,
    message: "reads the time; take a Clock or `now: number` as an argument",
  },
  {
    pattern: /(?<![.\w#])(?:setTimeout|setInterval)\(/,
    message: "starts a timer; take a Clock (#pkg/system/clock.ts)",
  },
  { pattern: /\bperformance\.now\b/, message: "reads the time; use Clock.monotonic()" },
  { pattern: /\bMath\.random\b/, message: "is random; take a Random (#pkg/system/random.ts)" },
  {
    pattern: /\b(?:randomUUID|randomBytes|getRandomValues)\(/,
    message: "is random; take a Random (#pkg/system/random.ts)",
  },
  { pattern: /\bprocess\.env\b/, message: "reads the environment; parse it once in options.ts and pass values" },
  { pattern: /\bprocess\.(?:exit|on|once)\b/, message: "belongs to main.ts: libraries throw and are disposed" },
];

const doorModules: Readonly<Record<string, string>> = {
  "node:child_process": "starts processes; take a CommandRunner (#pkg/system/exec.ts)",
  "node:fs": "touches files; take Files (#pkg/system/files.ts)",
  "node:fs/promises": "touches files; take Files (#pkg/system/files.ts)",
  "node:timers": "starts timers; take a Clock (#pkg/system/clock.ts)",
  "node:timers/promises": "starts timers; take a Clock (#pkg/system/clock.ts)",
  execa: "starts processes; take a CommandRunner (#pkg/system/exec.ts)",
};

/** A line that ends in `// os-door: <reason>` may pass the door checks. */
const waiver = /\/\/ os-door: \S+/;

/** Checks one file. `file` is relative to the repository's root, with forward slashes. */
export function checkImports(file: string, source: string): readonly Violation[] {
  const area = areaOf(file);
  if (area === undefined) return [];
  const violations: Violation[] = [];
  const code = blankComments(source);
  const raw = source.split("\n");
  for (const found of findImports(code)) {
    const message = judgeImport(file, area, found.specifier, raw[found.line - 1] ?? "");
    if (message) violations.push({ file, line: found.line, message });
  }
  if (isBehindTheDoor(file)) return violations;
  for (const [index, line] of blankStrings(code).split("\n").entries()) {
    if (waiver.test(raw[index] ?? "")) continue;
    for (const door of doors) {
      if (door.pattern.test(line))
        violations.push({ file, line: index + 1, message: `${raw[index]?.trim()}: ${door.message}` });
    }
  }
  return violations;
}

function judgeImport(file: string, area: string, specifier: string, rawLine: string): string | undefined {
  const doorMessage = doorModules[specifier];
  if (doorMessage && !isBehindTheDoor(file) && !waiver.test(rawLine)) return `imports ${specifier}: ${doorMessage}`;
  const target = resolve(file, specifier);
  if (target === undefined) return undefined;
  if (/(^|\/)testing\//.test(target) && !isTest(file)) {
    return `imports ${target}: files under testing/ are for tests only`;
  }
  const targetArea = areaOf(target);
  if (targetArea === undefined || targetArea === area || isTest(file)) return undefined;
  const allowed = mayImport[area] ?? [];
  if (allowed.some((prefix) => targetArea === prefix || targetArea.startsWith(`${prefix}/`))) return undefined;
  return `imports ${target}: ${area} may import only ${allowed.join(", ") || "itself"} (design: who may import whom)`;
}

/** The path a specifier names inside the repository, or undefined for packages and Node's own modules. */
function resolve(file: string, specifier: string): string | undefined {
  if (specifier.startsWith("#")) return specifier.slice(1);
  if (specifier.startsWith(".")) return path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  return undefined;
}

function areaOf(file: string): string | undefined {
  let best: string | undefined;
  for (const area of Object.keys(mayImport)) {
    if (file.startsWith(`${area}/`) && (best === undefined || area.length > best.length)) best = area;
  }
  return best;
}

function isTest(file: string): boolean {
  return (
    file.endsWith(".test.ts") || /(^|\/)testing\//.test(file) || file.startsWith("test/") || file.startsWith("tools/")
  );
}

function isBehindTheDoor(file: string): boolean {
  return file.startsWith("pkg/system/") || isTest(file) || /(^|\/)(main|options)\.ts$/.test(file);
}

function findImports(code: string): readonly { readonly specifier: string; readonly line: number }[] {
  const found: { specifier: string; line: number }[] = [];
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)(["'])([^"'\n]+)\1/g;
  for (const match of code.matchAll(pattern)) {
    found.push({ specifier: match[2] ?? "", line: code.slice(0, match.index).split("\n").length });
  }
  return found;
}

/** Replaces comments by spaces, keeping line numbers. Knows strings, so that `"//"` is no comment. */
function blankComments(source: string): string {
  const pattern = /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|(\/\*[\s\S]*?\*\/|\/\/[^\n]*)/g;
  return source.replace(pattern, (whole, text: string | undefined) => (text ? whole : whole.replace(/[^\n]/g, " ")));
}

function blankStrings(code: string): string {
  const blank = (whole: string): string => whole.replace(/[^\n]/g, " ");
  return code
    .replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, blank)
    .replace(/\/(?![/*\s])(?:[^/\\\n]|\\.)+\/[a-z]*(?=[.,;)\s])/g, blank);
}
