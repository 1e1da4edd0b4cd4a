/**
 * Which Go packages the schema table is made of: the GA versions of every API group Berth serves, the meta types, and the
 * review and discovery types that only travel on the wire.
 */

export interface GoPackage {
  /** How the table and the TypeScript files name the package: `core/v1`. */
  readonly key: string;
  /** Import path in Go, which is also the folder below the source root. */
  readonly path: string;
}

const apiGroups = [
  "admission/v1",
  "admissionregistration/v1",
  "apidiscovery/v2",
  "apidiscovery/v2beta1",
  "apps/v1",
  "authentication/v1",
  "authorization/v1",
  "autoscaling/v1",
  "autoscaling/v2",
  "batch/v1",
  "certificates/v1",
  "coordination/v1",
  "core/v1",
  "discovery/v1",
  "events/v1",
  "flowcontrol/v1",
  "networking/v1",
  "node/v1",
  "policy/v1",
  "rbac/v1",
  "resource/v1",
  "scheduling/v1",
  "storage/v1",
];

export const goPackages: readonly GoPackage[] = [
  ...apiGroups.map((key) => ({ key, path: `k8s.io/api/${key}` })),
  { key: "apiextensions/v1", path: "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1" },
  { key: "meta/v1", path: "k8s.io/apimachinery/pkg/apis/meta/v1" },
];

/**
 * The Debian packages (suite sid) which carry the sources above, and the protocol definitions of CRI and etcd. The versions
 * are exact, so that what is generated does not change by itself.
 */
export const debianPackages: readonly string[] = [
  "golang-etcd-server-dev=3.5.30-2",
  "golang-github-kubernetes-cri-api-dev=0.32.3-1",
  "golang-k8s-api-dev=0.36.4-1",
  "golang-k8s-apiextensions-apiserver-dev=0.36.4-1",
  "golang-k8s-apimachinery-dev=0.36.4-3",
];

/** Go types which have a wire form of their own; the table names them by these words instead of by their fields. */
export const builtinTypes: Readonly<Record<string, string>> = {
  "k8s.io/apimachinery/pkg/api/resource.Quantity": "quantity",
  "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "intOrString",
  "k8s.io/apimachinery/pkg/runtime.RawExtension": "rawExtension",
  "k8s.io/apimachinery/pkg/types.UID": "string",
  "k8s.io/apimachinery/pkg/types.NodeName": "string",
  "k8s.io/apimachinery/pkg/apis/meta/v1.Time": "time",
  "k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime": "microTime",
  "k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1": "fieldsV1",
  "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON": "json",
  "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray": "jsonSchemaOrArray",
  "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool": "jsonSchemaOrBool",
  "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrStringArray": "jsonSchemaOrStrings",
};

/** Go types of these packages which never reach a client. */
export const ignoredTypes: ReadonlySet<string> = new Set([
  "meta/v1.Duration",
  "meta/v1.InternalEvent",
  "meta/v1.Patch",
  "meta/v1.Timestamp",
]);
