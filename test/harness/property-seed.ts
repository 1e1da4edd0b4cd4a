/**
 * Properties run from one seed, so that a run can be repeated; BERTH_SEED=random (or a number) looks elsewhere. A failing
 * property prints its seed and path either way.
 */
import fc from "fast-check";

const wanted = process.env["BERTH_SEED"] ?? "20261121";
if (wanted !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(wanted) });
