/** Every type that has defaults of its own beyond those the schema table holds. */
import { appsDefaulters } from "./apps-defaults.ts";
import { coreDefaulters } from "./core-defaults.ts";
import type { TypeDefaulter } from "./defaulter.ts";
import { otherDefaulters } from "./other-defaults.ts";
import { podDefaulters } from "./pod-defaults.ts";

export const typeDefaulters: ReadonlyMap<string, TypeDefaulter[1]> = new Map([
  ...podDefaulters,
  ...coreDefaulters,
  ...appsDefaulters,
  ...otherDefaulters,
]);
