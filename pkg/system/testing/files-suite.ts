/** What every Files owes its users. `open` gives an empty folder to work in. */
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Files, setAside } from "../files.ts";

export interface FilesUnderTest extends AsyncDisposable {
  readonly files: Files;
  /** An absolute path. */
  readonly folder: string;
  modeOf(file: string): Promise<number | undefined>;
}

export function filesSuite(name: string, open: () => Promise<FilesUnderTest>): void {
  describe(`${name} satisfies Files`, () => {
    let subject: FilesUnderTest;
    let files: Files;
    const at = (...names: readonly string[]): string => path.join(subject.folder, ...names);

    beforeEach(async () => {
      subject = await open();
      files = subject.files;
    });
    afterEach(async () => {
      await subject[Symbol.asyncDispose]();
    });

    test("writeAtomic() makes folders, replaces the whole file, and leaves nothing else", async () => {
      await files.writeAtomic(at("a", "b", "f"), "a longer first text");
      await files.writeAtomic(at("a", "b", "f"), "secönd");
      expect(await files.readText(at("a", "b", "f"))).toBe("secönd");
      expect(await files.list(at("a", "b"))).toEqual(["f"]);
      expect(await files.list(subject.folder)).toEqual(["a"]);
    });

    test("bytes come back as they were", async () => {
      const bytes = Uint8Array.from([0, 255, 10, 13, 128]);
      await files.writeAtomic(at("f"), bytes);
      const read = await files.readBytes(at("f"));
      expect([...read]).toEqual([...bytes]);
      bytes[0] = 7;
      read[1] = 7;
      expect([...(await files.readBytes(at("f")))]).toEqual([0, 255, 10, 13, 128]);
    });

    test("the mode is that of the last write", async () => {
      await files.writeAtomic(at("f"), "x", { mode: 0o600 });
      expect(await subject.modeOf(at("f"))).toBe(0o600);
      await files.writeAtomic(at("f"), "x");
      expect(await subject.modeOf(at("f"))).toBe(0o644);
    });

    test("many writers at once leave one whole text", async () => {
      const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(10_000));
      await Promise.all(texts.map((text) => files.writeAtomic(at("f"), text)));
      expect(texts).toContain(await files.readText(at("f")));
      expect(await files.list(subject.folder)).toEqual(["f"]);
    });

    test("what is not there is NotFound, and does not exist", async () => {
      expect(await files.exists(at("none"))).toBe(false);
      const none = at("none");
      const calls = [() => files.readText(none), () => files.readBytes(none), () => files.list(none)];
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({ code: "NotFound", message: expect.stringContaining(none) });
      }
      await expect(files.move(at("none"), at("to"))).rejects.toMatchObject({ code: "NotFound" });
      await files.remove(at("none"));
    });

    test("a folder is no file, and a file no folder", async () => {
      await files.writeAtomic(at("file"), "x");
      await files.makeFolder(at("folder"));
      await expect(files.readText(at("folder"))).rejects.toMatchObject({ code: "Invalid" });
      await expect(files.writeAtomic(at("folder"), "x")).rejects.toMatchObject({ code: "Invalid" });
      await expect(files.list(at("file"))).rejects.toMatchObject({ code: "Invalid" });
      await expect(files.makeFolder(at("file", "inside"))).rejects.toMatchObject({ code: "Invalid" });
      await expect(files.makeFolder(at("file"))).rejects.toMatchObject({ code: "AlreadyExists" });
      expect(await files.list(subject.folder)).toEqual(["file", "folder"]);
    });

    test("list() is sorted and names folders too", async () => {
      for (const one of ["b", "a"]) await files.writeAtomic(at(one), "x");
      await files.makeFolder(at("c", "d"));
      expect(await files.list(subject.folder)).toEqual(["a", "b", "c"]);
      expect(await files.exists(at("c", "d"))).toBe(true);
    });

    test("remove() takes a whole folder", async () => {
      await files.writeAtomic(at("a", "b", "f"), "x");
      await files.writeAtomic(at("ab"), "x");
      await files.remove(at("a"));
      expect(await files.list(subject.folder)).toEqual(["ab"]);
    });

    test("move() takes the place of the file that has the name", async () => {
      await files.writeAtomic(at("from"), "new");
      await files.writeAtomic(at("to"), "old");
      await files.move(at("from"), at("to"));
      expect(await files.list(subject.folder)).toEqual(["to"]);
      expect(await files.readText(at("to"))).toBe("new");
      await expect(files.move(at("to"), at("no", "folder"))).rejects.toMatchObject({ code: "NotFound" });
    });

    test("setAside() keeps a damaged file under a name with the time", async () => {
      await files.writeAtomic(at("f"), "damaged");
      const aside = await setAside(at("f"), Date.UTC(2026, 0, 2, 3, 4, 5), files);
      expect(aside).toBe(at("f.damaged-2026-01-02T030405.000Z"));
      expect(await files.readText(aside)).toBe("damaged");
      expect(await files.exists(at("f"))).toBe(false);
    });
  });
}
