/** While a reserve is put aside, a token is delivered after this many of the intervals at which tokens are made. */
const STRETCH = 1.5
/** First tokens take longer than they lately did about as often as shorter. */
const MARGIN = 1.5
/** Tokens; a reserve is worth no longer slowdown. */
const MAX_RESERVE = 48

/** How the edge's tokens are delivered while an origin is asked to go on. */
export interface ReservePlan {
  /** Tokens to put aside. */
  readonly size: number
  /** Tokens made until they are put aside. */
  readonly lead: number
  /** Between two delivered tokens, in ms. */
  readonly intervalMs: number
}

/** For an origin whose first token takes `firstTokenMs`, and an edge that makes a token in `intervalMs`. */
export function planReserve(firstTokenMs: number, intervalMs: number): ReservePlan {
  const delivered = intervalMs * STRETCH
  const size = Math.max(1, Math.min(MAX_RESERVE, Math.ceil((firstTokenMs * MARGIN) / Math.max(delivered, 1))))
  // Of STRETCH tokens made one is delivered.
  return { size, lead: Math.ceil((size * STRETCH) / (STRETCH - 1)), intervalMs: delivered }
}
