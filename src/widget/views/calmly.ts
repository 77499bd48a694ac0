import { noChange } from 'lit'
import { AsyncDirective, directive } from 'lit/async-directive.js'

/** A value that is shown for some time before the next replaces it, however often it changes. */
class Calmly extends AsyncDirective {
  #value: () => unknown = () => noChange
  #until = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  render(_ms: number, _value: () => unknown): unknown {
    return noChange
  }

  override update(_part: unknown, [ms, value]: [number, () => unknown]): unknown {
    this.#value = value
    if (this.#timer !== undefined) return noChange
    const left = this.#until - performance.now()
    if (left <= 0) {
      this.#until = performance.now() + ms
      return value()
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#until = performance.now() + ms
      this.setValue(this.#value())
    }, left)
    return noChange
  }

  protected override disconnected(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

/** Shows what `value` returns, and what it returns later at most every `ms`; in between it is not called. */
export const calmly = directive(Calmly)
