import { lazily } from './lazily.ts'
import { type Island, islands } from './morph.ts'
import type { Typeset } from './typeset.ts'

let loading: Promise<Typeset> | undefined
let typeset: Typeset | undefined

function load(): Promise<Typeset> {
  loading ??= import('./typeset.ts').then((module) => {
    typeset = module.typeset
    return typeset
  })
  return loading
}

const DELIMITERS = /^(?:\$\$|\\\[|\\\(|\$)([\s\S]*?)(?:\$\$|\\\]|\\\)|\$)$/

export interface FormulaElement extends HTMLElement {
  /** As it was written; undefined where it is shown so. No attribute, as it may be long. */
  source?: string
}

/** A formula: as it was written until KaTeX is there, and where KaTeX does not understand it. */
export class Formula implements Island {
  readonly element: FormulaElement
  readonly #light: boolean
  #source = ''
  #waiting = false

  constructor(element: HTMLElement, light: boolean) {
    this.element = element
    this.#light = light
    islands.set(element, this)
    this.take(element)
  }

  accepts(next: Node): boolean {
    return next.nodeName === 'SPAN'
  }

  take(next: Element): void {
    const source = next.textContent ?? ''
    if (source === this.#source) return
    this.#source = source
    if (this.#light) {
      this.element.textContent = source
      return
    }
    // Who looks for a place in the text counts what was written.
    this.element.source = source
    if (typeset) this.#later()
    else {
      this.element.textContent = source
      load().then(
        () => this.#later(),
        () => {},
      )
    }
  }

  #later(): void {
    if (this.#waiting) return
    this.#waiting = true
    lazily(() => {
      this.#waiting = false
      this.#set()
    })
  }

  /** A formula that still grows cannot be set at every moment: until it can again, it stays as it was. */
  #set(): void {
    const tex = DELIMITERS.exec(this.#source)?.[1] ?? this.#source
    const display = this.#source.startsWith('$$') || this.#source.startsWith('\\[')
    const isSet = typeset!(tex, display, this.element)
    if (isSet) this.element.dispatchEvent(new Event('typeset', { bubbles: true }))
    else if (!this.element.querySelector('.katex')) this.element.textContent = this.#source
  }
}
