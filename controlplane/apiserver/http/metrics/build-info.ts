/** Which version runs, as a metric: dashboards join others with it. */
import type { ServerVersion } from "../../discovery/server-version.ts";
import { computedFamily, type MetricFamily } from "./metric-families.ts";

export function buildInfoMetric(version: ServerVersion): MetricFamily {
  const labels = {
    major: version.major,
    minor: version.minor,
    git_version: version.gitVersion,
    git_commit: version.gitCommit,
    git_tree_state: version.gitTreeState,
    build_date: version.buildDate,
    go_version: version.goVersion,
    compiler: version.compiler,
    platform: version.platform,
  };
  return computedFamily("gauge", "kubernetes_build_info", "1, with the version of this server in its labels.", () => [
    { labels, value: 1 },
  ]);
}
