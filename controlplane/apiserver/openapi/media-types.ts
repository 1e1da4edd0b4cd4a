/** Media types that documents list; the same for every kind of the table. */

export const answerTypes: readonly string[] = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
];

export const listAnswerTypes: readonly string[] = [
  ...answerTypes,
  "application/json;stream=watch",
  "application/vnd.kubernetes.protobuf;stream=watch",
];

/** What kubectl reads to decide how it may patch. */
export const patchBodyTypes: readonly string[] = [
  "application/apply-patch+yaml",
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];

export const successTexts: Readonly<Record<number, string>> = { 200: "OK", 201: "Created", 202: "Accepted" };
