/** OpenAPI version 2 ("swagger"): everything that is served in one document. */
import type { DiscoverableResource } from "../discovery/discovery-documents.ts";
import { collectSchemas, type JsonSchema, patchType, schemaRef } from "./json-schema.ts";
import { answerTypes, listAnswerTypes, patchBodyTypes, successTexts } from "./media-types.ts";
import { type ApiOperation, describeOperations, typesOf } from "./operations.ts";

/** `serverVersion` as in /version: "v1.36.2". */
export function buildDocumentV2(resources: readonly DiscoverableResource[], serverVersion: string): object {
  const operations = describeOperations(resources);
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: serverVersion },
    paths: buildPaths(operations),
    definitions: collectSchemas(typesOf(operations), "v2"),
    securityDefinitions: { BearerToken: { type: "apiKey", name: "authorization", in: "header" } },
    security: [{ BearerToken: [] }],
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
  const schema = answer === "string" ? { type: "string" } : schemaOf(answer);
  const responses = Object.fromEntries(codes.map((code) => [code, { description: successTexts[code], schema }]));
  const query = parameters.map(({ name, type }) => ({ name, in: "query", type, uniqueItems: true }));
  const all = [...bodyParameter(body), ...query];
  return {
    tags: [tag],
    operationId: id,
    consumes: body === "patch" ? patchBodyTypes : ["*/*"],
    produces: answer === "string" ? ["*/*"] : isList ? listAnswerTypes : answerTypes,
    schemes: ["https"],
    ...(all.length > 0 ? { parameters: all } : {}),
    responses: { ...responses, 401: { description: "Unauthorized" } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk,
  };
}

function bodyParameter(body: ApiOperation["body"]): object[] {
  if (body === undefined) return [];
  const [typeName, required] = body === "patch" ? [patchType, true] : [body.typeName || undefined, body.required];
  return [{ name: "body", in: "body", ...(required ? { required } : {}), schema: schemaOf(typeName) }];
}

function schemaOf(typeName: string | undefined): JsonSchema {
  return typeName === undefined ? { type: "object" } : schemaRef(typeName, "v2");
}

function pathParameters(path: string): object[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const inPath = names.map((name) => ({ name, in: "path", required: true, type: "string", uniqueItems: true }));
  return [...inPath, { name: "pretty", in: "query", type: "string", uniqueItems: true }];
}
