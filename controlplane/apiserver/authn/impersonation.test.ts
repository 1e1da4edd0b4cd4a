import { describe, expect, test } from "vitest";
import type { AuthorizationAttributes, Authorizer } from "../authz/authorizer.ts";
import { impersonate } from "./impersonation.ts";

const admin = { name: "admin", groups: ["system:authenticated"] };

function recorder(allow: (one: AuthorizationAttributes) => boolean = () => true) {
  const asked: string[] = [];
  const authorizer: Authorizer = {
    authorize: async (one) => {
      const { verb, apiGroup, resource, subresource, namespace, name } = one;
      asked.push([verb, apiGroup, subresource ? `${resource}/${subresource}` : resource, namespace, name].join(" "));
      return { decision: allow(one) ? "allow" : "noOpinion", reason: "" };
    },
  };
  return { asked, authorizer };
}

const act = (headers: Record<string, string>, authorizer: Authorizer, repeated?: Record<string, string[]>) =>
  impersonate({ headers, repeatedHeaders: repeated }, admin, authorizer);

describe("impersonate", () => {
  test("is nothing without headers", async () => {
    expect(await act({}, recorder().authorizer)).toBeUndefined();
  });

  test("authorizes each part of the identity by itself", async () => {
    const { asked, authorizer } = recorder();
    const headers = {
      "impersonate-user": "jane",
      "impersonate-uid": "42",
      "impersonate-group": "dev, ops",
      "impersonate-extra-acme.test%2fteam": "blue",
    };
    const user = await act(headers, authorizer, { "impersonate-group": ["dev", "ops"] });
    expect(user).toEqual({
      name: "jane",
      uid: "42",
      groups: ["dev", "ops", "system:authenticated"],
      extra: { "acme.test/team": ["blue"] },
    });
    expect(asked).toEqual([
      "impersonate  users  jane",
      "impersonate  groups  dev",
      "impersonate  groups  ops",
      "impersonate authentication.k8s.io userextras/acme.test/team  blue",
      "impersonate authentication.k8s.io uids  42",
    ]);
  });

  test("gives a service account its groups unless others are named", async () => {
    const { asked, authorizer } = recorder();
    const headers = { "impersonate-user": "system:serviceaccount:shop:cart" };
    expect((await act(headers, authorizer))?.groups).toEqual([
      "system:serviceaccounts",
      "system:serviceaccounts:shop",
      "system:authenticated",
    ]);
    expect(asked).toEqual(["impersonate  serviceaccounts shop cart"]);
    expect((await act({ ...headers, "impersonate-group": "g" }, authorizer))?.groups).toEqual([
      "g",
      "system:authenticated",
    ]);
  });

  test("makes the anonymous user unauthenticated", async () => {
    const { authorizer } = recorder();
    expect((await act({ "impersonate-user": "system:anonymous" }, authorizer))?.groups).toEqual([
      "system:unauthenticated",
    ]);
  });

  test("refuses when one part is not allowed", async () => {
    const { authorizer } = recorder((one) => one.resource !== "groups");
    await expect(
      act({ "impersonate-user": "jane", "impersonate-group": "system:masters" }, authorizer),
    ).rejects.toThrow(
      'groups "system:masters" is forbidden: User "admin" cannot impersonate resource "groups" in API group "" at the cluster scope',
    );
  });

  test("wants a user with the rest", async () => {
    await expect(act({ "impersonate-group": "g" }, recorder().authorizer)).rejects.toMatchObject({ code: 400 });
  });
});
