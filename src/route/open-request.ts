import type { GenerateEnd } from '../generate/types.ts'
import { AllOriginsFailedError } from '../origin/errors.ts'
import type { OriginToken } from '../origin/origins.ts'

export type OriginStep = IteratorResult<OriginToken, GenerateEnd> | { readonly failure: AllOriginsFailedError }

/** A request to the origins that was opened ahead: its first token can be looked at without waiting. */
export class OpenRequest {
  /** Tokens of the edge's run that the origins were told. */
  readonly snapshot: number
  readonly first: Promise<OriginStep>
  readonly #stream: AsyncGenerator<OriginToken, GenerateEnd>
  readonly #abort = new AbortController()
  #outcome: OriginStep | undefined

  /** `start` gets a signal that aborts with the outer one, and when the request is closed. */
  constructor(
    start: (signal: AbortSignal) => AsyncGenerator<OriginToken, GenerateEnd>,
    outer: AbortSignal,
    snapshot: number,
  ) {
    this.snapshot = snapshot
    this.#stream = start(AbortSignal.any([outer, this.#abort.signal]))
    this.first = this.next()
    // An error is for those who await `first`.
    this.first.then((step) => (this.#outcome = step)).catch(() => {})
  }

  /** What `first` resolved to, if it did. */
  get outcome(): OriginStep | undefined {
    return this.#outcome
  }

  /** The step after `first` and all earlier calls. */
  async next(): Promise<OriginStep> {
    try {
      return await this.#stream.next()
    } catch (failure) {
      if (failure instanceof AllOriginsFailedError) return { failure }
      throw failure
    }
  }

  /** The origin stops; nothing is to be waited for. */
  close(): void {
    // Without a reason an error is made, stack and all.
    this.#abort.abort('closed')
    this.#stream.return('aborted').catch(() => {})
  }
}
