import type { Token, Tokens } from 'marked'
import { Definitions } from './definitions.ts'
import { fenceOf } from './fence.ts'
import { Footnotes } from './footnotes.ts'
import { holdBack, holdBackCode, openBlockMath } from './hold-back.ts'
import { html } from './html.ts'
import { type Lexed, lex } from './lexer.ts'
import { closeInline, cutOf } from './open-syntax.ts'

/** Characters that are read at a time. */
const WINDOW = 2000
/** A longer paragraph is cut where its Markdown allows it, so that what grows stays short. */
const LONG_PARAGRAPH = 600

const BLANK_END = /\n[ \t]*\n\s*$/
const BARE_MARKER = /^ {0,3}(?:[-+*]|\d{1,9}[.)]?)?[ \t]*$/

/** A piece of a document as HTML, to be sanitized. */
export interface Part {
  readonly html: string
  /** It goes on where the part before it ends: items of its list, rows of its table, lines of its code, text of its paragraph. */
  readonly joins: boolean
  /** It was cut: a part that joins it may follow. */
  readonly open: boolean
}

/** A block that was cut: what is to be read before its rest, so that it is understood, and what that makes of it. */
interface Opened {
  readonly type: 'paragraph' | 'list' | 'table' | 'code'
  readonly prefix: string
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
    if (this.#opened?.type === 'code') {
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
      .map((token, index) => ({ html: html([token]), joins: index === 0 && this.#goesOn(token), open: false }))
  }

  #goesOn(token: Token): boolean {
    return token.type === this.#opened?.type
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
    // A long paragraph is cut also when its end is there: it shall not matter how much was read at once.
    const first = tokens.findIndex(({ type }) => type !== 'space')
    const last = tokens[first]?.type === 'paragraph' && this.#isLong(tokens[first]) ? first : lastSettled(tokens)
    const before = tokens.slice(0, Math.max(0, last))
    const length = before.reduce((length, { raw }) => length + raw.length, 0) - prefix.length
    if (before.some(({ type }) => type !== 'space')) {
      const parts = this.#parts(lexed, last)
      this.#advance(length, undefined)
      return parts
    }
    const block = tokens[last]
    const cut = block && this.#cutBlock(block, prefix)
    if (cut) {
      const joins = this.#goesOn(block)
      this.#advance(length + cut.length, cut.opened)
      return [{ html: cut.html, joins, open: true }]
    }
    if (!isEnd || !this.#complete) return undefined
    if (source === '') return undefined
    const parts = this.#parts(lexed)
    this.#advance(source.length, undefined)
    return parts
  }

  #isLong({ raw }: Token): boolean {
    return cutOf(raw, LONG_PARAGRAPH) !== undefined
  }

  #advance(characters: number, opened: Opened | undefined): void {
    this.#at += characters
    this.#opened = opened
  }

  /** The part of a block that nothing changes any more, though the block goes on. `length`: of its source. */
  #cutBlock(block: Token, prefix: string): { html: string; length: number; opened: Opened } | undefined {
    switch (block.type) {
      case 'list': {
        const list = block as Tokens.List
        // A number or a dash alone may turn out to be text of the item before it.
        const items = list.items.slice(0, BARE_MARKER.test(list.items.at(-1)!.raw) ? -2 : -1)
        if (items.length === 0) return undefined
        const length = items.reduce((length, { raw }) => length + raw.length, 0)
        return this.#cutAt(block, length, '', prefix)
      }
      case 'table': {
        const lines = block.raw.split('\n')
        const head = `${lines[0]}\n${lines[1]}\n`
        const rows = (block as Tokens.Table).rows.length - 1
        if (rows < 1 || lines.length < rows + 3) return undefined
        return this.#cutAt(block, lines.slice(0, rows + 2).join('\n').length + 1, head, prefix)
      }
      case 'code': {
        const fence = fenceOf(block.raw)
        if (!fence || fence.closed) return undefined
        const length = block.raw.lastIndexOf('\n') + 1
        if (length <= Math.max(fence.opener.length, prefix.length)) return undefined
        return this.#cutAt(block, length, fence.opener, prefix)
      }
      case 'paragraph': {
        const length = cutOf(block.raw, LONG_PARAGRAPH)
        return length ? this.#cutAt(block, length, '', prefix) : undefined
      }
      default:
        return undefined
    }
  }

  #cutAt(block: Token, length: number, prefix: string, before: string) {
    if (length <= before.length) return undefined
    const [token] = this.#lex(block.raw.slice(0, length)).finish()
    return { html: html([token]), length, opened: { type: block.type as Opened['type'], prefix } }
  }
}

/** Whether the first place of a label is not its definition. */
function isReferredToBefore(text: string, label: string): boolean {
  const at = text.toLowerCase().indexOf(label.toLowerCase())
  return at >= 0 && text[at + label.length] !== ':'
}

/** The last block of which it is known what it is; all before it are finished, and it may go on. */
function lastSettled(tokens: readonly Token[]): number {
  const last = tokens.findLastIndex(({ type }) => type !== 'space')
  if (last < 1) return last
  // It may become an item of the list before it.
  const { raw } = tokens[last]
  if (!raw.includes('\n') && BARE_MARKER.test(raw)) {
    return tokens.findLastIndex(({ type }, index) => index < last && type !== 'space')
  }
  return last
}

function isOpenCode(token: Token | undefined): boolean {
  return token?.type === 'code' && fenceOf(token.raw)?.closed === false
}
