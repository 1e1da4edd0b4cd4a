import { describe, expect, test } from "vitest";
import { findLeaks } from "./machine-state.ts";

describe("findLeaks", () => {
  test("names what is new, by kind", () => {
    const before = { link: ["eth0", "lo"], ipset: [] };
    const after = { link: ["berth0", "eth0", "lo"], ipset: ["pods"], mount: ["/x"] };
    expect(findLeaks(before, after)).toEqual(["link berth0", "ipset pods", "mount /x"]);
  });

  test("says nothing about what was there before or went away", () => {
    expect(findLeaks({ link: ["lo", "old"] }, { link: ["lo"] })).toEqual([]);
  });
});
