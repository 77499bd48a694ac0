import { JsonFloat } from '../jinja/values.ts'
import { type ControlSpellings, isProtocolWord } from './control-spellings.ts'
import { ChatRequestError } from './errors.ts'

// Letters without case that JavaScript and Python print as they are, and that hardly anybody writes: Yi, Hangul, and rare Han.
const STAND_INS = [
  [0xa000, 0xa48c],
  [0xac00, 0xd7a3],
  [0x20000, 0x2a6df],
] as const

/**
 * Puts stand-ins into the texts of a request where a control token could come of them, one character for one, so that a template that cuts,
 * counts or compares finds what it would find. They go through the template, the tokenizer finds no control token there, and the
 * characters come back before the text around them is encoded.
 */
export class ControlMask {
  readonly #spellings: ControlSpellings
  readonly #template: string
  readonly #standIns = new Map<string, string>()
  readonly #characters = new Map<string, string>()
  /** Of the texts that have any. */
  readonly #found = new Map<string, readonly number[]>()
  #anyStandIn: RegExp | undefined

  /** @param template whose own letters cannot stand in. */
  constructor(spellings: ControlSpellings, template: string) {
    this.#spellings = spellings
    this.#template = template
  }

  /** A value with all its texts and keys masked; the same value where there is nothing to mask. Throws ChatRequestError. */
  mask<T>(value: T): T {
    const found = new Set<string>()
    eachText(value, false, (text, isKey) => {
      const places = isKey && isProtocolWord(text) ? [] : this.#spellings.places(text)
      for (const at of places) found.add(String.fromCodePoint(text.codePointAt(at)!))
      if (places.length > 0) this.#found.set(text, places)
    })
    if (found.size === 0) return value
    this.#chooseStandIns(found, value)
    return this.#maskedValue(value) as T
  }

  unmask(text: string): string {
    return this.#anyStandIn ? text.replace(this.#anyStandIn, (standIn) => this.#characters.get(standIn)!) : text
  }

  #places(text: string, isKey: boolean): readonly number[] {
    return isKey && isProtocolWord(text) ? [] : (this.#found.get(text) ?? [])
  }

  /** The value with its texts masked; what is neither text, list nor record stays. */
  #maskedValue(value: unknown): unknown {
    if (typeof value === 'string') return this.#masked(value, false)
    if (Array.isArray(value)) return value.map((item) => this.#maskedValue(item))
    if (value instanceof Map) return new Map(Array.from(value, (entry) => this.#maskedEntry(entry)))
    return isRecord(value) ? Object.fromEntries(Object.entries(value).map((entry) => this.#maskedEntry(entry))) : value
  }

  #maskedEntry([key, value]: [string, unknown]): [string, unknown] {
    return [this.#masked(key, true), this.#maskedValue(value)]
  }

  #masked(text: string, isKey: boolean): string {
    let masked = ''
    let start = 0
    for (const at of this.#places(text, isKey)) {
      const character = String.fromCodePoint(text.codePointAt(at)!)
      masked += text.slice(start, at) + this.#standIns.get(character)
      start = at + character.length
    }
    return masked + text.slice(start)
  }

  /** Letters that stand neither in the request nor in the template. */
  #chooseStandIns(characters: ReadonlySet<string>, value: unknown): void {
    const used = new Set(this.#template)
    eachText(value, false, (text) => {
      for (const character of text.match(POSSIBLE_STAND_INS) ?? []) used.add(character)
    })
    const free = unused(used)
    for (const character of characters) {
      const { value: standIn, done } = free.next()
      if (done) throw new ChatRequestError('unsupported_content', 'The messages use too many letters.', 'messages')
      this.#standIns.set(character, standIn)
      this.#characters.set(standIn, character)
    }
    this.#anyStandIn = new RegExp(`[${[...this.#characters.keys()].join('')}]`, 'gu')
  }
}

const POSSIBLE_STAND_INS = new RegExp(
  `[${STAND_INS.map((range) => range.map((code) => `\\u{${code.toString(16)}}`).join('-')).join('')}]`,
  'gu',
)

function* unused(used: ReadonlySet<string>): Generator<string, undefined> {
  for (const [first, last] of STAND_INS) {
    for (let code = first; code <= last; code++) {
      const character = String.fromCodePoint(code)
      if (!used.has(character)) yield character
    }
  }
}

/** Visits all texts of a value, and says whether each is a key. No generator: of 100,000 texts it would take half a second. */
function eachText(value: unknown, isKey: boolean, visit: (text: string, isKey: boolean) => void): void {
  if (typeof value === 'string') {
    visit(value, isKey)
  } else if (Array.isArray(value)) {
    for (const item of value) eachText(item, false, visit)
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      visit(key, true)
      eachText(item, false, visit)
    }
  } else if (isRecord(value)) {
    for (const key of Object.keys(value)) {
      visit(key, true)
      eachText(value[key], false, visit)
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof JsonFloat)
}
