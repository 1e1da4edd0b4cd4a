import { describe, expect, test } from "vitest";
import { parseTokenFile } from "./static-tokens.ts";

describe("parseTokenFile", () => {
  test("reads upstream's format, quoted groups and blank lines included", () => {
    const text = 'abc,admin,1,"system:masters,ops"\n\nd"e,bob,2\r\n"x,y",carl,3,one\n';
    expect(parseTokenFile(text)).toEqual([
      { token: "abc", user: { name: "admin", uid: "1", groups: ["system:masters", "ops"] } },
      { token: 'd"e', user: { name: "bob", uid: "2", groups: [] } },
      { token: "x,y", user: { name: "carl", uid: "3", groups: ["one"] } },
    ]);
  });

  test.each(["hush-hush", "hush-hush,name", ",name,1", "hush-hush,,1"])(
    "names the line of %j and not its token",
    (line) => {
      expect(() => parseTokenFile(`a,b,c\n${line}`)).toThrow(/^line 2 of the token file(?!.*hush)/);
    },
  );
});
