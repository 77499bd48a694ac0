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
  #anyStandIn: RegExp | undefined

  /** @param template whose own letters cannot stand in. */
  constructor(spellings: ControlSpellings, template: string) {
    this.#spellings = spellings
    this.#template = template
  }

  /** A value with all its texts and keys masked; the same value where there is nothing to mask. Throws ChatRequestError. */
  mask<T>(value: T): T {
    const found = new Set<string>()
    for (const [text, isKey] of textsOf(value, false)) {
      for (const at of this.#places(text, isKey)) found.add(String.fromCodePoint(text.codePointAt(at)!))
    }
    if (found.size === 0) return value
    this.#chooseStandIns(found, value)
    return this.#maskedValue(value) as T
  }

  unmask(text: string): string {
    return this.#anyStandIn ? text.replace(this.#anyStandIn, (standIn) => this.#characters.get(standIn)!) : text
  }

  #places(text: string, isKey: boolean): number[] {
    return isKey && isProtocolWord(text) ? [] : this.#spellings.places(text)
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
    for (const [text] of textsOf(value, false)) {
      for (const [character] of text.matchAll(POSSIBLE_STAND_INS)) used.add(character)
    }
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

/** All texts of a value, and whether each is a key. */
function* textsOf(value: unknown, isKey: boolean): Generator<[text: string, isKey: boolean]> {
  if (typeof value === 'string') {
    yield [value, isKey]
  } else if (Array.isArray(value)) {
    for (const item of value) yield* textsOf(item, false)
  } else if (value instanceof Map || isRecord(value)) {
    for (const [key, item] of value instanceof Map ? value : Object.entries(value)) {
      yield [key, true]
      yield* textsOf(item, false)
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof JsonFloat)
}
