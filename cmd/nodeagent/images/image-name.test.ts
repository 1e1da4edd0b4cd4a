import { describe, expect, test } from "vitest";
import { defaultPullPolicy, parseImageName, withDefaultTag } from "./image-name.ts";
import { credentialsFor } from "./registry-credentials.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("parseImageName", () => {
  test.each([
    ["nginx", "docker.io", "library/nginx", "latest"],
    ["nginx:1.25", "docker.io", "library/nginx", "1.25"],
    ["team/app:2", "docker.io", "team/app", "2"],
    ["localhost/app:2", "localhost", "app", "2"],
    ["reg.example.com:5000/a/b/c:v1", "reg.example.com:5000", "a/b/c", "v1"],
    [`reg.example.com/a@${digest}`, "reg.example.com", "a", undefined],
  ])("%s", (text, registry, repository, tag) => {
    expect(parseImageName(text)).toMatchObject({ registry, repository, tag });
  });

  test.each(["", "UPPER", "a b", "a:", "reg.example.com/", `a@sha256:short`, "a@b@c"])("refuses %j", (text) => {
    expect(() => parseImageName(text)).toThrow("invalid reference format");
  });
});

test("withDefaultTag adds the tag that is meant", () => {
  expect([withDefaultTag("nginx"), withDefaultTag("nginx:latest"), withDefaultTag(`a@${digest}`)]).toEqual([
    "nginx:latest",
    "nginx:latest",
    `a@${digest}`,
  ]);
});

test("defaultPullPolicy asks again only for what may move", () => {
  expect(["nginx", "nginx:latest", "nginx:1", `nginx@${digest}`].map(defaultPullPolicy)).toEqual([
    "Always",
    "Always",
    "IfNotPresent",
    "IfNotPresent",
  ]);
});

describe("credentialsFor", () => {
  const secretOf = (auths: object) => ({
    metadata: {},
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  });
  const auth = (user: string) => ({ auth: Buffer.from(`${user}:pass:word`).toString("base64") });
  const users = (image: string, auths: object) =>
    credentialsFor(parseImageName(image), [secretOf(auths)]).map(({ username }) => username);

  test("the most specific first; others not at all", () => {
    const auths = {
      "reg.io": auth("all"),
      "reg.io/team": auth("team"),
      "reg.io/other": auth("other"),
      "*.io": auth("glob"),
    };
    expect(users("reg.io/team/app:1", auths)).toEqual(["team", "all", "glob"]);
  });

  test("docker.io is known under its old address", () => {
    expect(users("nginx", { "https://index.docker.io/v1/": auth("hub") })).toEqual(["hub"]);
  });

  test("a port is part of the name, a star only of one label", () => {
    expect(
      users("a.reg.io:5000/app", { "reg.io": auth("x"), "*.reg.io": auth("y"), "*.reg.io:5000": auth("z") }),
    ).toEqual(["z"]);
    expect(users("a.b.reg.io/app", { "*.reg.io": auth("y") })).toEqual([]);
  });

  test("a password may hold colons; a broken secret is left out", () => {
    expect(credentialsFor(parseImageName("reg.io/a"), [secretOf({ "reg.io": auth("u") })])[0]?.password).toBe(
      "pass:word",
    );
    const broken = { metadata: {}, type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "eyI=" } };
    expect(credentialsFor(parseImageName("reg.io/a"), [broken])).toEqual([]);
  });
});
