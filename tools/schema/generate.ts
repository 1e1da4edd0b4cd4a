/**
 * Writes the schema table, the TypeScript types and the gRPC descriptors from upstream's own declarations:
 *
 *     node tools/schema/generate.ts [--source DIR]
 *
 * Without --source the Debian packages are fetched into .cache/schema first.
 */

import path from "node:path";
import { systemFiles } from "../../pkg/system/files.ts";
import { generateFiles } from "./generated-files.ts";
import { readSource, repositoryRoot } from "./options.ts";

const { sourceRoot, mergeKeys } = await readSource(process.argv.slice(2));
const generated = await generateFiles(systemFiles, sourceRoot, mergeKeys);
for (const problem of generated.problems) console.error(problem);
if (generated.problems.length > 0) process.exitCode = 1;
for (const [file, text] of generated.files) await systemFiles.writeAtomic(path.join(repositoryRoot, file), text);
console.log(`${generated.files.size} files written, ${generated.problems.length} disagreements`);
