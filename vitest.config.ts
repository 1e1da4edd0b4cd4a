/**
 * Test projects, quickest first:
 *  - unit         pure code and in-process parts; no root, no network beyond loopback
 *  - kernel       real kernel objects (rules, links, cgroups) in namespaces and subtrees of the tests' own
 *  - integration  real programs started as processes
 * The last two share the machine, so they run one file at a time.
 */
import { defineConfig } from "vitest/config";

const serial = {
  fileParallelism: false,
  maxWorkers: 1,
  setupFiles: ["test/harness/property-seed.ts"],
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{cmd,pkg,controlplane,tools}/**/*.test.ts"],
          setupFiles: ["test/harness/property-seed.ts"],
          isolate: false,
          testTimeout: 20_000,
        },
      },
      { test: { name: "kernel", include: ["test/kernel/**/*.test.ts"], ...serial } },
      { test: { name: "integration", include: ["test/integration/**/*.test.ts"], ...serial } },
    ],
  },
});
