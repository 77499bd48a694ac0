import type { Token } from 'marked'
import { cutBlock, firstLong, goOn, lastSettled, lengthOf, levelsOf, type Opened } from './cut.ts'
import { Definitions } from './definitions.ts'
import { fenceOf } from './fence.ts'
import { Footnotes } from './footnotes.ts'
import { holdBack, holdBackCode, openBlockMath } from './hold-back.ts'
import { html } from './html.ts'
import { type Lexed, lex } from './lexer.ts'
import { closeInline } from './open-syntax.ts'

/** Characters that are read at a time. */
const WINDOW = 2000
const BLANK_END = /\n[ \t]*\n\s*$/

/** A piece of a document as HTML, to be sanitized. */
export interface Part {
  readonly html: string
  /**
   * In how many elements, one within the other, it goes on where the part before it ends: 1: items of its list, rows of its table, lines of
   * its code, text of its paragraph, blocks of its quote; 2: blocks of an item, or what the last block of a quote has, and so on. 0: it is
   * another block.
   */
  readonly joins: number
  /** How many of its elements, one within the other, were cut: a part that joins them may follow. */
  readonly open: number
}

/**
 * A Markdown text that may grow. What is read is cut into parts, at the same places however fast the text grows, and a part that is
 * finished is never read again: a longer text costs what was added to it, whatever block that is in.
 */
export class MarkdownDocument {
  #text = ''
  #complete = false
  #definitions = new Definitions()
  /** So far definitions were looked for. */
  #searched = 0
  /** Where the first part begins that is not finished. */
  #at = 0
  #opened: Opened | undefined
  #notes = new Footnotes(this.#definitions.notes)

  /**
   * Takes the text as it stands now; `complete`: nothing follows. True where it is read from its beginning again: it is another text, or
   * defines what an earlier part refers to.
   */
  update(text: string, complete: boolean): boolean {
    const normal = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
    const grown = normal.startsWith(this.#text) && (!this.#complete || normal === this.#text)
    if (!grown) {
      this.#definitions = new Definitions()
      this.#searched = 0
    }
    this.#text = normal
    this.#complete = complete
    const added = this.#searchDefinitions()
    if (grown && !added.some((label) => isReferredToBefore(normal, label))) return false
    this.#at = 0
    this.#opened = undefined
    this.#notes = new Footnotes(this.#definitions.notes)
    return true
  }

  #searchDefinitions(): string[] {
    const end = this.#complete ? this.#text.length : this.#text.lastIndexOf('\n') + 1
    const lines = this.#text.slice(this.#searched, end)
    this.#searched = Math.max(end, this.#searched)
    return this.#definitions.read(this.#complete ? `${lines}\n` : lines)
  }

  /** The next parts that are finished; undefined where more of them would need more text. */
  next(): Part[] | undefined {
    for (let size = WINDOW; ; size *= 2) {
      const end = Math.min(this.#at + size, this.#text.length)
      const parts = this.#finish(this.#text.slice(this.#at, end), end === this.#text.length)
      if (parts || end === this.#text.length) return parts
    }
  }

  /** What is not finished yet, with what is half written in it closed or kept back. */
  tail(): Part[] {
    const rest = this.#text.slice(this.#at)
    if (rest.trim() === '') return []
    if (this.#opened?.path.at(-1) === 'code') {
      return this.#parts(this.#lex(this.#opened.prefix + holdBackCode(rest)))
    }
    const prefix = this.#opened?.prefix ?? ''
    let source = holdBack(prefix + rest)
    if (source.trim() === prefix.trim() || source.length < prefix.length) return []
    const math = openBlockMath(source)
    if (math) source = `${source}${source.endsWith('\n') ? '' : '\n'}${math.closer}`
    let lexed = this.#lex(source)
    if (math && isOpenCode(lexed.tokens.at(-1))) lexed = this.#lex(prefix + holdBackCode(rest))
    const last = lexed.inline.findLast(({ src }) => src.trim() !== '')
    if (last && !math && lexed.tokens.at(-1)?.type !== 'code' && !BLANK_END.test(rest)) last.src = closeInline(last.src)
    return this.#parts(lexed)
  }

  #lex(source: string): Lexed {
    return lex(source, this.#definitions.links, this.#notes)
  }

  /** The blocks of a piece of source as parts, of which the first goes on with a block that was cut. */
  #parts(lexed: Lexed, count = lexed.tokens.length): Part[] {
    return lexed
      .finish()
      .slice(0, count)
      .filter(({ type }) => type !== 'space' && type !== 'def')
      .map((token, index) => {
        const joins = index === 0 ? this.#joins(token) : 0
        return { html: html([token]), joins, open: 0 }
      })
  }

  #joins(token: Token): number {
    return this.#opened ? goOn(token, this.#opened.path) : 0
  }

  #finish(source: string, isEnd: boolean): Part[] | undefined {
    const prefix = this.#opened?.prefix ?? ''
    let lexed = this.#lex(prefix + source)
    let tokens = lexed.tokens
    if (!this.#complete || !isEnd) {
      const math = isOpenCode(tokens.at(-1)) ? undefined : openBlockMath(prefix + source)
      if (math) {
        lexed = this.#lex((prefix + source).slice(0, math.at))
        tokens = lexed.tokens
      }
    }
    const finished = this.#finishBefore(lexed, firstLong(tokens)) ?? this.#finishBefore(lexed, lastSettled(tokens))
    if (finished) return finished
    if (!isEnd || !this.#complete) return undefined
    if (source === '') return undefined
    const parts = this.#parts(lexed)
    this.#advance(source.length, undefined)
    return parts
  }

  /** The parts before a block, or what can be cut of it where it is the first. */
  #finishBefore(lexed: Lexed, index: number): Part[] | undefined {
    const prefix = this.#opened?.prefix ?? ''
    const before = lexed.tokens.slice(0, Math.max(0, index))
    const length = lengthOf(before) - prefix.length
    if (before.some(({ type }) => type !== 'space')) {
      const parts = this.#parts(lexed, index)
      this.#advance(length, undefined)
      return parts
    }
    const block: Token | undefined = lexed.tokens[index]
    const joins = block ? this.#joins(block) : 0
    const cut = block && cutBlock(block, joins > 0 ? this.#opened!.path : [], (source) => this.#lex(source))
    if (!cut || length + cut.length <= 0) return undefined
    lexed.finish()
    this.#advance(length + cut.length, cut.opened)
    return [{ html: html([cut.token]), joins, open: levelsOf(cut.opened) }]
  }

  #advance(characters: number, opened: Opened | undefined): void {
    this.#at += characters
    this.#opened = opened
  }
}

/** Whether the first place of a label is not its definition. */
function isReferredToBefore(text: string, label: string): boolean {
  const at = text.toLowerCase().indexOf(label.toLowerCase())
  return at >= 0 && text[at + label.length] !== ':'
}

function isOpenCode(token: Token | undefined): boolean {
  return token?.type === 'code' && fenceOf(token.raw)?.closed === false
}
