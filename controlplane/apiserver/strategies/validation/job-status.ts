/**
 * The status of Jobs, which controllers of others may keep, too: what is finished stays so, counts do not go down. A rule
 * is applied only where something it looks at changes, so that a Job that breaks one can still be written.
 * Source: pkg/apis/batch/validation/validation.go and pkg/registry/batch/job/strategy.go (v1.36).
 */
import type { Job, JobStatus } from "#pkg/api/batch/v1.ts";
import { FieldPath, omittedValue } from "#pkg/api/field.ts";
import { plainEqual } from "../plain-equal.ts";
import { FieldErrors } from "./field-errors.ts";
import { countIndexes, firstSharedIndex } from "./job-indexes.ts";
import { validateCounts } from "./pod-controllers.ts";

const at = new FieldPath("status");
const conditionsPath = at.child("conditions");

type Condition = "Complete" | "Failed" | "FailureTarget" | "SuccessCriteriaMet" | "Suspended";

export function validateJobStatusUpdate(next: Job, current: Job): FieldErrors {
  const errors = new FieldErrors();
  const change = new StatusChange(next, current);
  validateCounts(next.status, ["active", "succeeded", "failed", "ready", "terminating"], at, errors);
  validateUncounted(next.status, errors);
  validateConditions(change, errors);
  validateTimes(change, errors);
  validatePods(change, errors);
  validateIndexes(change, errors);
  return errors;
}

/** True when the status says so. */
export function isConditionTrue({ status }: Job, type: Condition): boolean {
  return status?.conditions?.some((one) => one.type === type && one.status === "True") ?? false;
}

class StatusChange {
  readonly next: Job;
  readonly current: Job;

  constructor(next: Job, current: Job) {
    this.next = next;
    this.current = current;
  }

  get after(): JobStatus {
    return this.next.status ?? {};
  }

  get before(): JobStatus {
    return this.current.status ?? {};
  }

  is(type: Condition): boolean {
    return isConditionTrue(this.next, type);
  }

  was(type: Condition): boolean {
    return isConditionTrue(this.current, type);
  }

  turns(...types: readonly Condition[]): boolean {
    return types.some((type) => this.is(type) !== this.was(type));
  }

  changes(...fields: readonly (keyof JobStatus)[]): boolean {
    return fields.some((field) => !plainEqual(this.after[field] || undefined, this.before[field] || undefined));
  }

  get isFinished(): boolean {
    return this.is("Complete") || this.is("Failed");
  }

  get finishes(): boolean {
    return this.isFinished !== (this.was("Complete") || this.was("Failed"));
  }
}

function validateUncounted(status: JobStatus | undefined, errors: FieldErrors): void {
  const seen = new Set<string>();
  for (const list of ["succeeded", "failed"] as const) {
    for (const [index, uid] of (status?.uncountedTerminatedPods?.[list] ?? []).entries()) {
      const path = at.child("uncountedTerminatedPods", list).index(index);
      if (uid === "") errors.invalid(path, uid, "must not be empty");
      else if (seen.has(uid)) errors.duplicate(path, uid);
      seen.add(uid);
    }
  }
}

function validateConditions(change: StatusChange, errors: FieldErrors): void {
  const fault = (text: string): void => errors.invalid(conditionsPath, omittedValue, text);
  const isComplete = change.is("Complete");
  const isFailed = change.is("Failed");
  const hasSucceeded = change.is("SuccessCriteriaMet");
  if (isComplete && isFailed && change.turns("Complete", "Failed")) {
    fault("cannot set Complete=True and Failed=true conditions");
  }
  if (isComplete && change.is("FailureTarget") && change.turns("Complete", "FailureTarget")) {
    fault("cannot set Complete=True and FailureTarget=true conditions");
  }
  if (isFailed && !change.is("FailureTarget") && (change.turns("Failed") || change.changes("failedIndexes"))) {
    fault("cannot set Failed=True condition without the FailureTarget=true condition");
  }
  if (isComplete && !hasSucceeded && change.turns("Complete", "SuccessCriteriaMet")) {
    fault("cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
  }
  if (hasSucceeded && isFailed) fault("cannot set SuccessCriteriaMet=True and Failed=true conditions");
  if (hasSucceeded && change.is("FailureTarget")) {
    fault("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
  }
  if (change.next.spec.successPolicy && !hasSucceeded && isComplete) {
    fault("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
  }
  for (const type of ["Failed", "Complete", "FailureTarget"] as const) {
    if (change.was(type) && !change.is(type)) fault(`cannot disable the terminal ${type}=True condition`);
  }
  if (change.was("SuccessCriteriaMet") && !hasSucceeded) fault("cannot disable the SuccessCriteriaMet=True condition");
  if (change.was("Complete") && !change.was("SuccessCriteriaMet") && hasSucceeded) {
    fault("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
  }
}

function validateTimes(change: StatusChange, errors: FieldErrors): void {
  const { startTime: started, completionTime: completed } = change.after;
  const { startTime: startedBefore, completionTime: completedBefore } = change.before;
  const isComplete = change.is("Complete");
  const completionPath = at.child("completionTime");
  const startPath = at.child("startTime");
  if (change.turns("Complete") || change.changes("completionTime")) {
    if (completed && !isComplete) {
      errors.invalid(completionPath, completed, "cannot set completionTime when there is no Complete=True condition");
    }
    if (!completed && isComplete) errors.required(completionPath, "completionTime is required for Complete jobs");
  }
  if (change.changes("startTime", "completionTime") && started && completed && isBefore(completed, started)) {
    errors.invalid(completionPath, completed, "must be equal to or after `startTime`");
  }
  const { suspend, completions } = change.next.spec;
  if (!started && change.isFinished && (change.finishes || change.changes("startTime"))) {
    // Such a Job is done before it has started.
    if (!(suspend && completions === 0)) errors.required(startPath, "startTime is required for finished job");
  }
  if (completed && completedBefore && completed !== completedBefore) {
    errors.invalid(completionPath, completed, "field is immutable");
  }
  const isSuspensionOver = change.after.conditions?.some((one) => one.type === "Suspended" && one.status === "False");
  const resumes = change.was("Suspended") && isSuspensionOver;
  if (startedBefore && started !== startedBefore && !resumes && !suspend) {
    errors.invalid(startPath, started, "field is immutable for unsuspended job once set");
  }
}

function isBefore(one: string, other: string): boolean {
  return Date.parse(one) < Date.parse(other);
}

function validatePods(change: StatusChange, errors: FieldErrors): void {
  const { after, before, isFinished, finishes } = change;
  const { active = 0, ready, terminating, uncountedTerminatedPods: uncounted, failed = 0, succeeded = 0 } = after;
  if (isFinished && active > 0 && (finishes || change.changes("active"))) {
    errors.invalid(at.child("active"), active, "active>0 is invalid for finished job");
  }
  if (isFinished && (finishes || change.changes("uncountedTerminatedPods"))) {
    const count = (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0);
    if (count > 0) errors.invalid(at.child("uncountedTerminatedPods"), uncounted, "must be empty for finished job");
  }
  if (isFinished && (terminating ?? 0) > 0 && (finishes || change.changes("terminating"))) {
    errors.invalid(at.child("terminating"), terminating, "terminating>0 is invalid for finished job");
  }
  if ((ready ?? 0) > active && change.changes("ready", "active")) {
    errors.invalid(at.child("ready"), ready, "cannot set more ready pods than active");
  }
  if (failed < (before.failed ?? 0)) errors.invalid(at.child("failed"), failed, "cannot decrease the failed counter");
  // A Job whose pods are numbered and all run at once may shrink.
  const { completionMode, completions, parallelism } = change.next.spec;
  const mayShrink = completionMode === "Indexed" && completions === parallelism;
  if (!mayShrink && succeeded < (before.succeeded ?? 0)) {
    errors.invalid(at.child("succeeded"), succeeded, "cannot decrease the succeeded counter");
  }
}

function validateIndexes(change: StatusChange, errors: FieldErrors): void {
  const { completedIndexes: done = "", failedIndexes } = change.after;
  const { completions, completionMode, backoffLimitPerIndex } = change.next.spec;
  const donePath = at.child("completedIndexes");
  const failedPath = at.child("failedIndexes");
  const changesFailed = change.changes("failedIndexes");
  if (change.changes("completedIndexes")) {
    const counted = completions == null ? 0 : countIndexes(done, completions);
    if (typeof counted === "string") errors.invalid(donePath, done, `error parsing completedIndexes: ${counted}`);
    if (done && completionMode !== "Indexed") {
      errors.invalid(donePath, done, "cannot set non-empty completedIndexes when non-indexed completion mode");
    }
  }
  if (changesFailed && failedIndexes != null) {
    if (backoffLimitPerIndex == null) {
      errors.invalid(failedPath, failedIndexes, "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
    } else if (completions != null) {
      const counted = countIndexes(failedIndexes, completions);
      if (typeof counted === "string") {
        errors.invalid(failedPath, failedIndexes, `error parsing failedIndexes: ${counted}`);
      }
    }
  }
  if (completions == null || failedIndexes == null || !(changesFailed || change.changes("completedIndexes"))) return;
  const shared = firstSharedIndex(done, failedIndexes, completions);
  if (shared !== undefined) {
    errors.invalid(failedPath, failedIndexes, `failedIndexes and completedIndexes overlap at index: ${shared}`);
  }
}
