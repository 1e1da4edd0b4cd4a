/** House rules on files: names that say nothing are errors; long files and functions are warnings, the worst first. */

export interface SourceFile {
  /** Relative to the repository's root. */
  readonly file: string;
  readonly source: string;
}

export interface LongThing {
  readonly where: string;
  readonly lines: number;
}

export const maxFileLines = 400;
export const maxFunctionLines = 60;

const bannedNames = /^(utils?|helpers?|common|misc|stuff)(\.|-|$)|-(utils?|helpers?)\./;

/** Files and folders whose name does not say what is inside. */
export function findBannedNames(files: readonly string[]): readonly string[] {
  return files.filter((file) => file.split("/").some((part) => bannedNames.test(part)));
}

export function findLongFiles(files: readonly SourceFile[]): readonly LongThing[] {
  return files
    .map(({ file, source }) => ({ where: file, lines: source.split("\n").length - 1 }))
    .filter(({ lines }) => lines > maxFileLines)
    .sort((a, b) => b.lines - a.lines);
}

/**
 * Functions by indentation: a header line that ends in "{" up to the line that closes it at the same depth. Formatted
 * code makes that exact enough for a warning. Test files are left out: their describe blocks are not functions.
 */
export function findLongFunctions(files: readonly SourceFile[]): readonly LongThing[] {
  const found: LongThing[] = [];
  for (const { file, source } of files) {
    if (file.endsWith(".test.ts") || file.includes("/testing/")) continue;
    const lines = source.split("\n");
    for (const [start, line] of lines.entries()) {
      const header =
        /^(\s*)(?:export\s+)?(?:async\s+)?(?:function\b|(?:static\s+|private\s+|override\s+)*(?:async\s+)?[#\w]+\([^)]*\).*\{$|const \w+ = .*=> \{$)/.exec(
          line,
        );
      if (!header || !line.trimEnd().endsWith("{") || /^\s*(?:if|for|while|switch|catch)\b/.test(line)) continue;
      const close = lines.findIndex((candidate, index) => index > start && closes(candidate, header[1] ?? ""));
      const length = close - start + 1;
      if (close > 0 && length > maxFunctionLines) found.push({ where: `${file}:${start + 1}`, lines: length });
    }
  }
  return found.sort((a, b) => b.lines - a.lines);
}

/** `}` at this depth, alone or before what follows a function value. */
function closes(line: string, indentation: string): boolean {
  return line.startsWith(`${indentation}}`) && /^\}[,;)]*$/.test(line.slice(indentation.length));
}
