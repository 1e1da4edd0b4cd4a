/** The answer of /version. major and minor are plain integers in text form: clients parse them. */
import { apiLevel } from "#pkg/api/schema/schema.ts";

export interface ServerVersion {
  readonly major: string;
  readonly minor: string;
  readonly emulationMajor: string;
  readonly emulationMinor: string;
  readonly minCompatibilityMajor: string;
  readonly minCompatibilityMinor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

/** Release of API level 1.36 whose behaviour this server follows; clients compare versions with three parts. */
const patchRelease = 2;

/** `berthVersion` is the version of this program, e.g. "0.1.0". */
export function buildServerVersion(
  berthVersion: string,
  platform: string,
  buildDate = "1970-01-01T00:00:00Z",
): ServerVersion {
  const [major = "1", minor = "0"] = apiLevel.replace(/^v/, "").split(".");
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: `${apiLevel}.${patchRelease}+berth.${berthVersion}`,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate,
    goVersion: "",
    compiler: "",
    platform,
  };
}
