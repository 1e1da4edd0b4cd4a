import { describe, expect, test } from "vitest";
import { buildRecipes } from "./cluster-images.ts";
import { computeImageKey } from "./prepare-images.ts";

const recipes = (visits: string) => buildRecipes({ nodeProgram: "/n", visits });
const keys = (visits: string, programs: readonly string[] = []) =>
  recipes(visits).map((recipe) => computeImageKey(recipe, "amd64", programs));

describe("computeImageKey", () => {
  test("is the same for the same recipe, and another for each image", () => {
    expect(keys("a")).toEqual(keys("a"));
    expect(new Set(keys("a")).size).toBe(recipes("a").length);
  });

  test("changes with a file in the image, and for that image alone", () => {
    const [before, after] = [keys("a"), keys("b")];
    const changed = recipes("a").filter((_, index) => before[index] !== after[index]);
    expect(changed.map(({ reference }) => reference)).toEqual(["berth.local/visits:1"]);
  });

  test("changes with a program of this machine", () => {
    expect(keys("a", ["1 1"])).not.toEqual(keys("a", ["1 2"]));
  });
});
