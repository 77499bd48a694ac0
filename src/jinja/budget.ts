import { TemplateError } from './values.ts'

/** Steps of the interpreter, each about half a microsecond. A chat of 1,000 messages in Nanbeige's template takes 62,000. */
const MAX_STEPS = 200_000
/** Characters or items that cost as much as a step. */
const STEP_CHARACTERS = 256
/** Characters that all values together may have: of the memory of an isolate, 128 MB, a template gets a part. */
const MAX_CHARACTERS = 1 << 26

/** What rendering once may cost. */
export class Budget {
  #steps = MAX_STEPS
  #characters = MAX_CHARACTERS

  /** Throws TemplateError. */
  spend(steps: number): void {
    this.#steps -= steps
    if (this.#steps < 0) throw new TemplateError('it takes more steps than a template may')
  }

  /** For a value of so many characters or items. */
  spendOn(length: number): void {
    this.#characters -= length
    if (this.#characters < 0) throw new TemplateError('it makes longer texts than a template may')
    if (length >= STEP_CHARACTERS) this.spend(Math.floor(length / STEP_CHARACTERS))
  }
}
