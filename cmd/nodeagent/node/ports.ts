/** What the node's part of the agent needs from elsewhere. */

/** Whoever gives pods their addresses. */
export interface NodeNetwork {
  /** The node's ranges of pod addresses, as the API assigned them. Called again when they change. Idempotent. */
  setPodCidrs(cidrs: readonly string[]): Promise<void>;
}
