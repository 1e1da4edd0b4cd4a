/** OpenAPI version 3: one document per group and version. */
import type { DiscoverableResource } from "../discovery/discovery-documents.ts";
import { collectSchemas, type JsonSchema, patchType, schemaRef } from "./json-schema.ts";
import { answerTypes, listAnswerTypes, patchBodyTypes, successTexts } from "./media-types.ts";
import { type ApiOperation, describeOperations, type QueryParameter, typesOf } from "./operations.ts";

/** The document of what is served of one group and version. `serverVersion` as in /version: "v1.36.2". */
export function buildDocumentV3(resources: readonly DiscoverableResource[], serverVersion: string): object {
  const operations = describeOperations(resources);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: serverVersion },
    paths: buildPaths(operations),
    components: {
      schemas: collectSchemas(typesOf(operations), "v3"),
      securitySchemes: { BearerToken: { type: "apiKey", name: "authorization", in: "header" } },
    },
  };
}

function buildPaths(operations: readonly ApiOperation[]): Record<string, object> {
  const paths: Record<string, object> = {};
  for (const [path, own] of Map.groupBy(operations, (one) => one.path)) {
    const methods = Object.fromEntries(own.map((operation) => [operation.method, buildOperation(operation)]));
    paths[path] = { ...methods, parameters: pathParameters(path) };
  }
  return paths;
}

function buildOperation(operation: ApiOperation): object {
  const { tag, id, parameters, body, answer, codes, isList, action, gvk } = operation;
  const types = isList ? listAnswerTypes : answerTypes;
  const content = answer === "string" ? { "*/*": { schema: { type: "string" } } } : contentOf(types, answer);
  const responses = Object.fromEntries(codes.map((code) => [code, { description: successTexts[code], content }]));
  return {
    tags: [tag],
    operationId: id,
    ...(parameters.length > 0 ? { parameters: parameters.map(queryParameter) } : {}),
    ...requestBody(body),
    responses: { ...responses, 401: { description: "Unauthorized" } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk,
  };
}

function requestBody(body: ApiOperation["body"]): object {
  if (body === undefined) return {};
  if (body === "patch") return { requestBody: { content: contentOf(patchBodyTypes, patchType), required: true } };
  const content = contentOf(["*/*"], body.typeName || undefined);
  return { requestBody: { content, ...(body.required ? { required: true } : {}) } };
}

function contentOf(mediaTypes: readonly string[], typeName: string | undefined): Record<string, object> {
  const schema: JsonSchema = typeName === undefined ? { type: "object" } : schemaRef(typeName, "v3");
  return Object.fromEntries(mediaTypes.map((one) => [one, { schema }]));
}

function queryParameter({ name, type }: QueryParameter): object {
  return { name, in: "query", schema: { type, uniqueItems: true } };
}

function pathParameters(path: string): object[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const inPath = names.map((name) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string", uniqueItems: true },
  }));
  return [...inPath, queryParameter({ name: "pretty", type: "string" })];
}
