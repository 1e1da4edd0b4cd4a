import { describe, expect, test } from "vitest";
import { defaultPullPolicy } from "./image-pull-policy.ts";

const sha = `sha256:${"0".repeat(64)}`;

describe("defaultPullPolicy", () => {
  test.each([
    "nginx",
    "nginx:latest",
    "library/nginx",
    "localhost:5000/nginx",
    "registry.example.com:5000/a/b",
    "registry.example.com:5000/a/b:latest",
    "[::1]:5000/a",
    "Host.example.com/a",
    `nginx:latest@${sha}`,
  ])("%s moves, so it is pulled always", (image) => expect(defaultPullPolicy(image)).toBe("Always"));

  test.each([
    "nginx:1.27",
    "nginx:5000",
    "localhost:5000/nginx:1",
    `nginx@${sha}`,
    `nginx:1@${sha}`,
    "",
    " ",
    "Nginx",
    "nginx:",
    "a//b",
    "nginx@sha256:1",
    "0".repeat(64),
  ])("%j stays, or is no reference", (image) => expect(defaultPullPolicy(image)).toBe("IfNotPresent"));
});
