import { describe, expect, test } from "vitest";
import { EncodingCache } from "./encoding-cache.ts";

describe("EncodingCache", () => {
  test("makes an encoding once per owner and form", () => {
    const cache = new EncodingCache<object>();
    const owner = {};
    let made = 0;
    const make = (): Uint8Array => Uint8Array.of(++made);
    expect(cache.get(owner, "json", make)).toBe(cache.get(owner, "json", make));
    cache.get(owner, "protobuf", make);
    cache.get({}, "json", make);
    expect(made).toBe(3);
  });

  test("forgets what was not used for a whole budget, and keeps what is used", () => {
    const cache = new EncodingCache<object>(100);
    const used = {};
    const unused = {};
    const made: string[] = [];
    const get = (owner: object, name: string): void => {
      cache.get(owner, "json", () => {
        made.push(name);
        return new Uint8Array(10);
      });
    };
    get(used, "used");
    get(unused, "unused");
    for (let count = 0; count < 50; count++) {
      get({}, "other");
      get(used, "used");
    }
    get(unused, "unused");
    expect(made.filter((name) => name === "used")).toHaveLength(1);
    expect(made.filter((name) => name === "unused")).toHaveLength(2);
  });
});
