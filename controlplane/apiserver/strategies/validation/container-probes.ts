/** Probes and lifecycle hooks of containers. */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { httpHeaderNameProblems, portNameProblems, portNumberProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";

type Handler = core.ProbeHandler & core.LifecycleHandler;

/** `gracePeriod` is that of the pod; undefined when it has none, which is a fault of its own. */
export function validateProbes(
  container: core.Container,
  gracePeriod: number | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  validateProbe(livenessProbe, gracePeriod, at.child("livenessProbe"), errors);
  requireOneSuccess(livenessProbe, at.child("livenessProbe"), errors);
  validateProbe(readinessProbe, gracePeriod, at.child("readinessProbe"), errors);
  if (readinessProbe?.terminationGracePeriodSeconds != null) {
    errors.invalid(
      at.child("readinessProbe", "terminationGracePeriodSeconds"),
      readinessProbe.terminationGracePeriodSeconds,
      "must not be set for readinessProbes",
    );
  }
  validateProbe(startupProbe, gracePeriod, at.child("startupProbe"), errors);
  requireOneSuccess(startupProbe, at.child("startupProbe"), errors);
}

function requireOneSuccess(probe: core.Probe | undefined, at: FieldPath, errors: FieldErrors): void {
  if (probe && probe.successThreshold !== 1) {
    errors.invalid(at.child("successThreshold"), probe.successThreshold ?? 0, "must be 1");
  }
}

const counts = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
] as const;

function validateProbe(
  probe: core.Probe | undefined,
  gracePeriod: number | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!probe) return;
  validateHandler(probe, gracePeriod, at, errors);
  for (const field of counts) errors.nonNegative(at.child(field), probe[field]);
  const { terminationGracePeriodSeconds: seconds } = probe;
  if (seconds != null && seconds <= 0) {
    errors.invalid(at.child("terminationGracePeriodSeconds"), seconds, "must be greater than 0");
  }
}

export function validateLifecycle(
  lifecycle: core.Lifecycle | undefined,
  gracePeriod: number | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (lifecycle?.postStart) validateHandler(lifecycle.postStart, gracePeriod, at.child("postStart"), errors);
  if (lifecycle?.preStop) validateHandler(lifecycle.preStop, gracePeriod, at.child("preStop"), errors);
}

type Rule = (handler: Handler, at: FieldPath, errors: FieldErrors, gracePeriod: number | undefined) => void;

/** In upstream's order: of several handlers the first is judged and the others are refused. */
const handlerRules: readonly (readonly [keyof Handler, Rule])[] = [
  [
    "exec",
    ({ exec }, at, errors) => {
      if (!exec?.command?.length) errors.required(at.child("command"));
    },
  ],
  ["httpGet", ({ httpGet }, at, errors) => httpGet && validateHttpGet(httpGet, at, errors)],
  ["tcpSocket", ({ tcpSocket }, at, errors) => validatePortOrName(tcpSocket?.port, at.child("port"), errors)],
  ["grpc", ({ grpc }, at, errors) => validatePortOrName(grpc?.port, at.child("port"), errors)],
  [
    "sleep",
    ({ sleep }, at, errors, gracePeriod) => {
      const seconds = sleep?.seconds ?? 0;
      if (gracePeriod === undefined || (seconds >= 0 && seconds <= gracePeriod)) return;
      errors.invalid(at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`);
    },
  ],
];

function validateHandler(handler: Handler, gracePeriod: number | undefined, at: FieldPath, errors: FieldErrors): void {
  const given = handlerRules.filter(([name]) => handler[name] != null);
  for (const [index, [name, rule]] of given.entries()) {
    if (index === 0) rule(handler, at.child(name), errors, gracePeriod);
    else errors.forbidden(at.child(name), "may not specify more than 1 handler type");
  }
  if (given.length === 0) errors.required(at, "must specify a handler type");
}

const schemes = ["HTTP", "HTTPS"];

function validateHttpGet(action: core.HTTPGetAction, at: FieldPath, errors: FieldErrors): void {
  errors.filled(at.child("path"), action.path);
  validatePortOrName(action.port, at.child("port"), errors);
  const { scheme = "" } = action;
  if (!schemes.includes(scheme)) errors.notSupported(at.child("scheme"), scheme, schemes);
  for (const { name } of action.httpHeaders ?? []) {
    errors.problems(at.child("httpHeaders"), name ?? "", httpHeaderNameProblems(name ?? ""));
  }
}

/** A number, or the name of a port of the container. */
export function validatePortOrName(port: number | string | undefined, at: FieldPath, errors: FieldErrors): void {
  if (typeof port === "string") errors.problems(at, port, portNameProblems(port));
  else errors.problems(at, port ?? 0, portNumberProblems(port ?? 0));
}
