import type { Token, Tokens } from 'marked'
import { fenceOf } from './fence.ts'
import type { Lexed } from './lexer.ts'
import { cutOf } from './open-syntax.ts'

/** A longer paragraph, item or quote is cut where its Markdown allows it, so that what grows stays short. */
const LONG = 600

const BARE_MARKER = /^ {0,3}(?:[-+*]|\d{1,9}[.)]?)?[ \t]*$/
const ITEM_LEADER = /^( {0,3}(?:[-+*]|\d{1,9}[.)]))( {1,4}(?=\S)|(?=\n))/

/** Where a block was cut, from the outside in: 'list': between its items; 'item': within its last one; 'text': in what an item begins with. */
type Step = 'blockquote' | 'list' | 'item' | 'text' | 'paragraph' | 'table' | 'code'

/** A block that was cut. */
export interface Opened {
  readonly path: readonly Step[]
  /** What is to be read before its rest, so that it is understood. */
  readonly prefix: string
}

/** The part of a block that nothing changes any more, though the block goes on. */
export interface Cut {
  readonly token: Token
  /** Of its source. */
  readonly length: number
  readonly opened: Opened
}

/** An item of a list that was cut within: its blocks follow others. */
export type Item = Tokens.ListItem & { continued?: boolean }

type Lex = (source: string) => Lexed

/** Elements, one within the other, that a cut leaves open. */
export function levelsOf({ path }: Opened): number {
  const levels = { blockquote: 1, list: 1, item: 2, text: 0, paragraph: 1, table: 1, code: 1 }
  return path.reduce((sum, step) => sum + levels[step], 0)
}

/** In how many of the elements that a cut left open a block goes on; its item is told. */
export function goOn(block: Token | undefined, [step, ...within]: Opened['path']): number {
  switch (step) {
    case undefined:
    case 'text':
      return 0
    case 'paragraph':
      return isText(block) ? 1 : 0
    case 'blockquote':
      return block?.type === 'blockquote' ? 1 + goOn(block.tokens!.find(isBlock), within) : 0
    case 'item': {
      if (block?.type !== 'list') return 0
      const item: Item = (block as Tokens.List).items[0]
      item.continued = within[0] !== 'text'
      return 2 + goOn(item.tokens.find(isBlock), within)
    }
    default:
      return block?.type === step ? 1 : 0
  }
}

/** The last block of which it is known what it is; all before it are finished, and it may go on. */
export function lastSettled(tokens: readonly Token[]): number {
  const last = tokens.findLastIndex(isBlock)
  if (last < 1) return last
  // It may become an item of the list before it.
  const { raw } = tokens[last]
  if (!raw.includes('\n') && BARE_MARKER.test(raw)) {
    return tokens.findLastIndex((token, index) => index < last && isBlock(token))
  }
  return last
}

/**
 * The first block that is cut also when its end is there, as a paragraph is that is long, and what such a one stands within: it shall not
 * matter how much was read at once. -1: there is none.
 */
export function firstLong(tokens: readonly Token[]): number {
  return tokens.findIndex(isLong)
}

function isLong(token: Token): boolean {
  if (token.raw.length <= LONG) return false
  if (token.type === 'list') return (token as Tokens.List).items.some(isLong)
  if (token.type === 'blockquote' || token.type === 'list_item') return firstLong(token.tokens!) >= 0
  return isText(token) && cutOf(token.raw, LONG) !== undefined
}

export function lengthOf(tokens: readonly Token[]): number {
  return tokens.reduce((length, { raw }) => length + raw.length, 0)
}

/** Cuts a block that may still grow; undefined where it is short, or has no place for that. `from`: where the one that it goes on with was cut. */
export function cutBlock(block: Token, from: Opened['path'], lex: Lex): Cut | undefined {
  switch (block.type) {
    case 'blockquote': {
      const inner = cutWithin(
        block as Tokens.Blockquote,
        '> ',
        '> ',
        from[0] === 'blockquote' ? from.slice(1) : [],
        lex,
      )
      return inner && { ...inner, token: { ...block, tokens: inner.tokens }, opened: opened('blockquote', inner) }
    }
    case 'list':
      return cutList(block as Tokens.List, from[0] === 'item' ? from.slice(1) : undefined, lex)
    case 'table': {
      const lines = block.raw.split('\n')
      const rows = (block as Tokens.Table).rows.slice(0, -1)
      if (rows.length < 1 || lines.length < rows.length + 3) return undefined
      const length = lines.slice(0, rows.length + 2).join('\n').length + 1
      return { token: { ...block, rows }, length, opened: { path: ['table'], prefix: `${lines[0]}\n${lines[1]}\n` } }
    }
    case 'code': {
      const fence = fenceOf(block.raw)
      const length = block.raw.lastIndexOf('\n') + 1
      if (!fence || fence.closed || length <= fence.opener.length) return undefined
      const token = { ...block, raw: block.raw.slice(0, length) }
      return { token, length, opened: { path: ['code'], prefix: fence.opener } }
    }
    case 'text':
    case 'paragraph': {
      const length = cutOf(block.raw, LONG)
      if (!length) return undefined
      // The box of an item is its own matter.
      const [box] = (block as Tokens.Paragraph).tokens
      const from = box?.type === 'checkbox' ? box.raw.length : 0
      const [token] = lex(block.raw.slice(from, length)).finish()
      return { token, length, opened: { path: ['paragraph'], prefix: '' } }
    }
    default:
      return undefined
  }
}

/** `from`: where its first item was cut; undefined: it is whole. */
function cutList(list: Tokens.List, from: Opened['path'] | undefined, lex: Lex): Cut | undefined {
  // A number or a dash alone may turn out to be text of the item before it.
  const settled = list.items.slice(0, BARE_MARKER.test(list.items.at(-1)!.raw) ? -2 : -1)
  const long = list.items.findIndex(isLong)
  const items = long < 0 ? settled : settled.slice(0, long)
  if (items.length > 0) {
    return { token: { ...list, items }, length: lengthOf(items), opened: { path: ['list'], prefix: '' } }
  }
  const [item] = list.items
  const [, marker, space] = ITEM_LEADER.exec(item.raw) ?? []
  const leader = marker && marker + (space || ' ')
  if ((list.items.length > 1 && long !== 0) || !leader) return undefined
  const inner = cutWithin(item, leader, ' '.repeat(leader.length), from ?? [], lex)
  if (!inner) return undefined
  const [first, ...deeper] = inner.opened.path
  const isBare = first === 'paragraph' && (from === undefined || from[0] === 'text')
  const path = isBare ? (['text', ...deeper] as const) : inner.opened.path
  const token = { ...list, items: [{ ...item, tokens: inner.tokens }] }
  return { token, length: inner.length, opened: opened('item', { opened: { ...inner.opened, path } }) }
}

function opened(step: Step, { opened: { path, prefix } }: Pick<Cut, 'opened'>): Opened {
  return { path: [step, ...path], prefix }
}

/**
 * Cuts a block of blocks, behind one of these or within it. `leader`: how its first line begins; `indent`: the others. `prefix` is of its
 * own rest.
 */
function cutWithin(
  { raw, tokens }: { raw: string; tokens: Token[] },
  leader: string,
  indent: string,
  from: Opened['path'],
  lex: Lex,
): (Omit<Cut, 'token'> & { tokens: Token[] }) | undefined {
  if (raw.length <= LONG) return undefined
  const long = firstLong(tokens)
  const last = long < 0 ? lastSettled(tokens) : long
  const before = tokens.slice(0, Math.max(0, last))
  const isBehind = before.some(isBlock)
  const cut = isBehind || last < 0 ? undefined : cutBlock(tokens[last], from, lex)
  if (!isBehind && !cut) return undefined
  const { path, prefix } = cut?.opened ?? { path: [], prefix: '' }
  const inner = tokens.map(({ raw }) => raw).join('')
  const at = lengthOf(before) + (cut?.length ?? 0)
  const place = placeOf(inner, at, raw)
  const start = leader === '> ' ? leader : startOfItem(leader, inner.slice(0, at), inner[at])
  if (!place || !start) return undefined
  return {
    tokens: cut ? [...before, cut.token] : before,
    length: prefix.endsWith('\n') ? place.line : place.at,
    opened: { path, prefix: start + prefix.replace(/\n(?=.)/g, `\n${indent}`) },
  }
}

/**
 * How the rest of an item begins. Behind a blank line no item goes on with what is not indented, so one follows the marker then, and also
 * where what is next would be understood with it: a rule, white space.
 */
function startOfItem(leader: string, before: string, next: string | undefined): string | undefined {
  const marker = leader.trimEnd()
  const ownLine = /^[ \t]*\n|\n[ \t]*\n/.test(before) || /[-*_ ]/.test(next ?? '')
  if (!ownLine) return leader
  return leader === `${marker} ` ? `${marker}\n${' '.repeat(leader.length)}` : undefined
}

/**
 * A place of what stands within a block, in its source, and the start of its line; undefined where the lines of the one are not ends of the
 * other's.
 */
function placeOf(inner: string, at: number, raw: string): { at: number; line: number } | undefined {
  const lines = inner.slice(0, at).split('\n')
  const innerLine = inner.split('\n')[lines.length - 1]
  const outer = raw.split('\n')
  const outerLine = outer[lines.length - 1]
  if (!outerLine?.endsWith(innerLine)) return undefined
  const line = outer.slice(0, lines.length - 1).reduce((length, { length: more }) => length + more + 1, 0)
  return { at: line + outerLine.length - innerLine.length + lines.at(-1)!.length, line }
}

function isBlock({ type }: Token): boolean {
  return type !== 'space' && type !== 'checkbox'
}

function isText(token: Token | undefined): boolean {
  return token?.type === 'text' || token?.type === 'paragraph'
}
