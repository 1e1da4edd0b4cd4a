/**
 * Generates everything anew, in memory, compares it byte for byte with what the repository has, and holds the codecs
 * against objects encoded by upstream:
 *
 *     node tools/schema/verify.ts [--source DIR]
 */
import path from "node:path";
import { systemFiles } from "../../pkg/system/files.ts";
import { checkRoundTrips } from "./check-round-trips.ts";
import { generateFiles } from "./generated-files.ts";
import { readSource, repositoryRoot } from "./options.ts";

const { sourceRoot, mergeKeys } = await readSource(process.argv.slice(2));
const generated = await generateFiles(systemFiles, sourceRoot, mergeKeys);
const problems = [...generated.problems];
for (const [file, text] of generated.files) {
  const target = path.join(repositoryRoot, file);
  const current = (await systemFiles.exists(target)) ? await systemFiles.readText(target) : undefined;
  if (current !== text) problems.push(`${file} is not what the generator writes`);
}
const roundTrips = await checkRoundTrips(systemFiles, sourceRoot);
problems.push(...roundTrips.problems);
for (const problem of problems) console.error(problem);
if (problems.length > 0 || roundTrips.compared === 0) process.exitCode = 1;
console.log(
  `${generated.files.size} files and ${roundTrips.compared} kinds in three encodings compared, ${problems.length} problems`,
);
