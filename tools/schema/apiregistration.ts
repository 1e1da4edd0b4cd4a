/**
 * apiregistration.k8s.io/v1, which no Debian package carries: names, numbers and merge facts, written by hand in the form
 * of the schema table.
 */
import { parseField } from "../../pkg/api/schema/field.ts";
import type { TypeEntry } from "./build-table.ts";

export const apiregistrationKey = "apiregistration/v1";
export const apiregistrationGroup = "apiregistration.k8s.io";

const fieldLines: Readonly<Record<string, readonly string[]>> = {
  APIService: [
    "- 0 meta/v1.TypeMeta",
    "metadata 1 meta/v1.ObjectMeta",
    "spec 2 apiregistration/v1.APIServiceSpec",
    "status 3 apiregistration/v1.APIServiceStatus",
  ],
  APIServiceCondition: [
    "type 1 string required always",
    "status 2 string required always",
    "lastTransitionTime 3 time",
    "reason 4 string",
    "message 5 string",
  ],
  APIServiceList: [
    "- 0 meta/v1.TypeMeta",
    "metadata 1 meta/v1.ListMeta",
    "items 2 []apiregistration/v1.APIService required always",
  ],
  APIServiceSpec: [
    "service 1 *apiregistration/v1.ServiceReference always",
    "group 2 string",
    "version 3 string",
    "insecureSkipTLSVerify 4 bool",
    "caBundle 5 bytes listType=atomic",
    "groupPriorityMinimum 7 int32 required always",
    "versionPriority 8 int32 required always",
  ],
  APIServiceStatus: [
    "conditions 1 []apiregistration/v1.APIServiceCondition patchStrategy=merge patchMergeKey=type listType=map listMapKeys=type",
  ],
  ServiceReference: ["namespace 1 string", "name 2 string", "port 3 *int32"],
};

export const apiregistrationTypes: ReadonlyMap<string, TypeEntry> = new Map(
  Object.entries(fieldLines).map(([name, lines]) => [
    `${apiregistrationKey}.${name}`,
    { fields: lines.map(parseField), structType: undefined },
  ]),
);
