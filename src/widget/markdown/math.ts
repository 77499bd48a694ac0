import type { Tokens } from 'marked'
import { escapeHtml } from './escape.ts'

/** A formula as it was written, delimiters included. */
export interface MathToken extends Tokens.Generic {
  type: 'math'
  raw: string
  text: string
}

// No blank line is in a formula: without its end it would take the rest of the text.
const WITHIN = '(?:\\\\[^()[\\]\\n]|(?!\\n[ \\t]*\\n)[^\\\\$])'
// In \( and \[ brackets may be escaped too, and a dollar is one; in $ it is the end.
const IN_BRACKETS = '(?:(?!\\n[ \\t]*\\n|\\\\[)\\]])[\\s\\S])+?'
const DISPLAY = `\\$\\$${WITHIN}+?\\$\\$|\\\\\\[${IN_BRACKETS}\\\\\\]`
// Pandoc's rule: no space behind the opening $ nor before the closing one, and no digit after it, so that $5 and $10 are prices.
const INLINE = `\\\\\\(${IN_BRACKETS}\\\\\\)|\\$(?![\\s$])${WITHIN}*?(?<![\\s\\\\])\\$(?![\\d$])`

const INLINE_START = new RegExp(`^(?:${DISPLAY}|${INLINE})`)
const BLOCK_START = new RegExp(`^ {0,3}(${DISPLAY})[ \\t]*(?:\\n|$)`)
const CODE_OR_MATH = new RegExp(`(\`+)[^\`][\\s\\S]*?(?<!\`)\\1(?!\`)|${DISPLAY}|${INLINE}`, 'g')

const token = (raw: string, text: string): MathToken => ({ type: 'math', raw, text })

export function blockMath(source: string): MathToken | undefined {
  const match = BLOCK_START.exec(source)
  return match ? { ...token(match[0], match[1]), block: true } : undefined
}

export function inlineMath(source: string): MathToken | undefined {
  const match = INLINE_START.exec(source)
  return match ? token(match[0], match[0]) : undefined
}

/** Where the next formula may begin that interrupts a paragraph. */
export function blockMathStart(source: string): number {
  return source.search(/\n {0,3}(?:\$\$|\\\[)/)
}

/** Formulas, made a row of letters: their stars and underscores are no emphasis. */
export function maskMath(source: string): string {
  return source.replace(CODE_OR_MATH, (match, backticks) => (backticks ? match : 'a'.repeat(match.length)))
}

export function mathHtml({ text, block }: Tokens.Generic): string {
  const formula = `<span class="math">${escapeHtml(text)}</span>`
  return block ? `<p>${formula}</p>\n` : formula
}
