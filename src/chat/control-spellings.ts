import { escapeRegExp } from '../tokenizer/escape-regexp.ts'

/**
 * Words that templates look for in messages and tools: keys, roles and types. Alone they are no part of a control token, though `name` is
 * written in `<filename>`.
 */
const PROTOCOL_WORDS = new Set(
  `role content name tool_calls tool_call_id id type function arguments description parameters reasoning_content reasoning text user assistant
   system developer tool properties required enum const items prefixItems default title format pattern examples minimum maximum
   exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems uniqueItems minProperties maxProperties
   additionalProperties patternProperties anyOf allOf oneOf not if then else nullable $ref $defs definitions strict return returns output result
   object array string number integer boolean null`.split(/\s+/),
)

export function isProtocolWord(text: string): boolean {
  return PROTOCOL_WORDS.has(text)
}

/** How control tokens are written, and where a text could become a part of one. */
export class ControlSpellings {
  readonly #whole: RegExp | undefined
  /** All beginnings, endings and inner parts of the spellings, in lower case. */
  readonly #beginnings = new Set<string>()
  readonly #endings = new Set<string>()
  readonly #inner = new Set<string>()
  readonly #longest: number
  /** The characters that a beginning begins with, and an ending ends with: most places of most texts are ruled out by one look. */
  readonly #firsts = new Characters()
  readonly #lasts = new Characters()

  /** @param spellings of all added tokens. White space is no control token, though some vocabularies add it. */
  constructor(spellings: readonly string[]) {
    const all = spellings.filter((spelling) => spelling.trim() !== '').map((spelling) => spelling.toLowerCase())
    this.#longest = Math.max(0, ...all.map(({ length }) => length))
    for (const spelling of all) {
      this.#firsts.add(spelling.charCodeAt(0))
      this.#lasts.add(spelling.charCodeAt(spelling.length - 1))
      for (let start = 0; start < spelling.length; start++) {
        for (let end = start + 1; end <= spelling.length; end++) {
          if (end - start === spelling.length) continue
          const parts = start === 0 ? this.#beginnings : end === spelling.length ? this.#endings : this.#inner
          parts.add(spelling.slice(start, end))
        }
      }
    }
    if (all.length > 0) this.#whole = beginningsOf(all)
  }

  /**
   * Ascending places of characters without which nothing of the text is in a control token: the first of each whole spelling, wherever it
   * stands and in any case, since templates change that; and at the text's ends, with or without white space there, the first of what another
   * text could complete. Not looked at is what a template would have to cut out of the midst of a text and complete itself.
   */
  places(text: string): number[] {
    const places = this.#whole ? Array.from(text.matchAll(this.#whole), ({ index }) => index) : []
    const begin = text.length - text.trimStart().length
    const end = text.trimEnd().length
    // A beginning at the end of the text.
    for (const last of end === text.length ? [end] : [end, text.length]) {
      for (let at = Math.max(0, last - this.#longest); at < last; at++) {
        if (!this.#firsts.mayHave(text.charCodeAt(at))) continue
        if (this.#beginnings.has(text.slice(at, last).toLowerCase())) places.push(at)
      }
    }
    // An ending at its beginning, or all of it inside.
    for (const first of begin === 0 ? [0] : [begin, 0]) {
      if (this.#beginsWithEnding(text, first) || this.#isInner(text.slice(first, end))) places.push(first)
    }
    return places.length < 2 ? places : [...new Set(places)].sort((a, b) => a - b)
  }

  #beginsWithEnding(text: string, first: number): boolean {
    const longest = Math.min(this.#longest - 1, text.length - first)
    for (let length = 1; length <= longest; length++) {
      if (!this.#lasts.mayHave(text.charCodeAt(first + length - 1))) continue
      if (this.#endings.has(text.slice(first, first + length).toLowerCase())) return true
    }
    return false
  }

  #isInner(text: string): boolean {
    return text.length < this.#longest && this.#inner.has(text.toLowerCase()) && !isProtocolWord(text)
  }
}

/** Characters in any case. Of those beyond ASCII, whose case depends on their neighbours, each may be one. */
class Characters {
  readonly #ascii = new Uint8Array(128)

  add(code: number): void {
    const character = String.fromCharCode(code)
    for (const form of [character.toLowerCase(), character.toUpperCase()]) this.#ascii[form.charCodeAt(0)] = 1
  }

  mayHave(code: number): boolean {
    return code >= this.#ascii.length || this.#ascii[code] === 1
  }
}

/** Finds where a spelling begins: at each place one match of one character, so that spellings that overlap are all found. */
function beginningsOf(spellings: readonly string[]): RegExp {
  const rests = new Map<string, string[]>()
  for (const spelling of spellings) {
    const first = String.fromCodePoint(spelling.codePointAt(0)!)
    rests.set(first, [...(rests.get(first) ?? []), spelling.slice(first.length)])
  }
  const alternatives = [...rests].map(([first, all]) => `${escapeRegExp(first)}(?=${all.map(escapeRegExp).join('|')})`)
  return new RegExp(alternatives.join('|'), 'giu')
}
