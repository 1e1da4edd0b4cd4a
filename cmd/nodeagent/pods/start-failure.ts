/** Why a container could not be started, in the words that stand in its status. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
  /** "ErrImagePull", "CreateContainerConfigError", "RunContainerError" … */
  readonly reason: string;
  /** Nothing to try again before that time. */
  readonly retryAtMs: number | undefined;

  constructor(
    reason: string,
    message: string,
    options: { readonly retryAtMs?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.retryAtMs = options.retryAtMs;
  }
}
