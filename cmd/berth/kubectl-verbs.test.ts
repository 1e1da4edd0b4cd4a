import { expect, test } from "vitest";
import { describeMissingVerb } from "./kubectl-verbs.ts";

test("describeMissingVerb() gives a command that can be pasted", () => {
  const text = describeMissingVerb(["get", "pods", "-l", "a in (b, c)", "it's"], "/d/kubeconfig");
  expect(text).toContain(`kubectl --kubeconfig /d/kubeconfig get pods -l 'a in (b, c)' 'it'\\''s'`);
});
