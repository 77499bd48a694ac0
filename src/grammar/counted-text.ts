import type { TokenMask } from '../generate/distribution.ts'
import { has, remove } from '../generate/token-mask.ts'
import { type Expression, NEVER } from './expression.ts'
import type { CountsLeft } from './print-ebnf.ts'
import { after } from './remainder.ts'
import { charactersIn, isWellFormed, missingBytes, type TokenLengths } from './token-lengths.ts'

/** Tokens that are tried one by one. */
const MAX_TRIED = 1000

/** Characters that may still come in a string, and that have to. */
interface Bounds {
  readonly min: number
  readonly max: number
}

/**
 * Follows a text through an expression whose lengths of strings its printed grammar leaves open, and takes the tokens out of a mask that do not
 * keep to them. A grammar with a state for each character costs 33 ms to compile for each (166,000 tokens); counting costs nothing.
 */
export class CountedText {
  readonly #lengths: TokenLengths
  readonly #left: CountsLeft
  #rest: Expression
  /** Bytes of a character that is not whole yet. */
  #begun: Uint8Array = new Uint8Array()
  #hasParted = false

  constructor(expression: Expression, lengths: TokenLengths, left: CountsLeft) {
    this.#rest = expression
    this.#lengths = lengths
    this.#left = left
  }

  /** What may follow; undefined where the grammar goes on with the same, or in the midst of a character. */
  get parted(): Expression | undefined {
    return this.#hasParted && this.#begun.length === 0 ? this.#rest : undefined
  }

  /** Whether any text goes on with what has come. */
  get isPossible(): boolean {
    return this.#rest !== NEVER
  }

  /** The grammar has begun anew with what may follow. */
  rejoin(): void {
    this.#hasParted = false
  }

  push(id: number): void {
    const bytes = Uint8Array.of(...this.#begun, ...this.#lengths.bytes(id))
    const whole = bytes.length - unfinished(bytes)
    this.pushText(textOf(bytes.subarray(0, whole)))
    this.#begun = bytes.slice(whole)
  }

  pushText(text: string): void {
    for (const character of text) {
      const bounds = openCounts(this.#rest)
      this.#rest = after(this.#rest, character.codePointAt(0)!)
      // The grammar still has what has just come to nothing, beside what goes on.
      if (this.#rest !== NEVER && bounds.some((bound) => isBroken(bound, character))) this.#hasParted = true
    }
  }

  /** Takes out the tokens that no string has room for, or that end one too early, and what is no UTF-8: the grammar leaves that open too. */
  narrow(mask: TokenMask): void {
    const { bounds, isAlone } = openStrings(this.#rest)
    const { longest, quoted, several, long, malformed } = this.#lengths
    remove(mask, malformed)
    if (bounds.length === 0) {
      if (this.#left.items) this.#narrowItems(mask)
      else for (const id of this.#left.mayBeShort ? several : long) this.#keep(mask, id)
      return
    }
    const missing = missingBytes(this.#begun)
    const room = Math.max(...bounds.map(({ max }) => max)) - (missing > 0 ? 1 : 0)
    this.#narrowContinuing(mask, room, missing)
    if (room < longest) this.#removeLonger(mask, room, isAlone)
    for (const id of quoted) this.#keep(mask, id)
  }

  /** Only in a string there are many, where what ends it counts alone. */
  #narrowItems(mask: TokenMask): void {
    const { before, quoted } = this.#lengths
    const allowed: number[] = []
    for (let id = 0; id < before.length && allowed.length <= MAX_TRIED; id++) if (has(mask, id)) allowed.push(id)
    for (const id of allowed.length > MAX_TRIED ? quoted : allowed) this.#keep(mask, id)
  }

  /** Of what begins in the midst of a character only what completes the one that has begun. */
  #narrowContinuing(mask: TokenMask, room: number, missing: number): void {
    for (const id of this.#lengths.continuing) {
      if (!has(mask, id)) continue
      const bytes = this.#lengths.bytes(id)
      const isWhole = missing > 0 && isWellFormed(Uint8Array.of(...this.#begun, ...bytes))
      if (!isWhole || charactersIn(bytes, missing) > room) remove(mask, [id])
    }
  }

  #removeLonger(mask: TokenMask, room: number, isAlone: boolean): void {
    const { before, isSpecial } = this.#lengths
    for (let id = 0; id < before.length; id++) {
      if (before[id] <= room || isSpecial[id] === 1 || !has(mask, id)) continue
      // Beside a string there may be something else with room, of which single letters are enough to write it.
      if (isAlone || this.#lengths.bytes(id).length > 1 || !this.#goesOnWith(id)) remove(mask, [id])
    }
  }

  #keep(mask: TokenMask, id: number): void {
    if (has(mask, id) && !this.#goesOnWith(id)) remove(mask, [id])
  }

  #goesOnWith(id: number): boolean {
    const bytes = Uint8Array.of(...this.#begun, ...this.#lengths.bytes(id))
    let rest = this.#rest
    for (const character of textOf(bytes.subarray(0, bytes.length - unfinished(bytes)))) {
      rest = after(rest, character.codePointAt(0)!)
      if (rest === NEVER) return false
    }
    return true
  }
}

/** The strings of counted characters that are open, and whether there is nothing else. */
function openStrings(expression: Expression): { readonly bounds: Bounds[]; readonly isAlone: boolean } {
  switch (expression.kind) {
    case 'repeat':
      return expression.isCounted && expression.part.kind === 'class' ? { bounds: [expression], isAlone: true } : NONE
    case 'sequence':
      return openStrings(expression.parts[0])
    case 'choice': {
      const all = expression.branches.map(openStrings)
      return { bounds: all.flatMap(({ bounds }) => bounds), isAlone: all.every(({ isAlone }) => isAlone) }
    }
    default:
      return NONE
  }
}

type Repeat = Extract<Expression, { kind: 'repeat' }>

/** All that is counted here. */
function openCounts(expression: Expression): Repeat[] {
  switch (expression.kind) {
    case 'repeat':
      return expression.isCounted ? [expression] : []
    case 'sequence':
      return openCounts(expression.parts[0])
    case 'choice':
      return expression.branches.flatMap(openCounts)
    default:
      return []
  }
}

/** Whether a character goes on where there is no room, or ends what is too short. */
function isBroken({ part, min, max }: Repeat, character: string): boolean {
  if (part.kind !== 'class') return (character === ',' && max === 0) || (character === ']' && min > 0)
  return character === '"' ? min > 0 : max === 0
}

const NONE = { bounds: [], isAlone: false }
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })

function textOf(bytes: Uint8Array): string {
  return DECODER.decode(bytes)
}

/** Bytes at the end that begin a character. */
function unfinished(bytes: Uint8Array): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    if (missingBytes(bytes.subarray(bytes.length - length)) > 0) return length
  }
  return 0
}
