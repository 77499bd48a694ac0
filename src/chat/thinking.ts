import type { ReasoningBudget } from './reasoning-budget.ts'

/** The thinking of all answers to one request, which somebody else may end. */
export class Thinking {
  readonly #going = new Set<ReasoningBudget>()
  #toCome = 0
  #ended = false

  /** So many answers may think, and have not begun. */
  expect(answers: number): void {
    this.#toCome = answers
  }

  /** One of them begins. */
  enter(budget: ReasoningBudget): void {
    this.#toCome--
    this.#going.add(budget)
    if (this.#ended) budget.endNow()
  }

  leave(budget: ReasoningBudget): void {
    this.#going.delete(budget)
  }

  /** Ends it now, that of answers to come too. false: no answer thinks, or will. */
  end(): boolean {
    this.#ended = true
    let ends = this.#toCome > 0
    for (const budget of this.#going) if (budget.endNow()) ends = true
    return ends
  }
}
