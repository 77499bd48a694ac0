import { html, nothing, render } from 'lit'
import { AsyncDirective, directive } from 'lit/async-directive.js'
import type { ElementPart } from 'lit/directive.js'
import type { FormulaElement } from '../markdown/formula.ts'
import { loadMarkdown, markdown } from '../markdown/markdown.ts'
import type { Texts } from '../texts.ts'
import type { AssistantTurn, Move } from '../turns.ts'

/** A rendered part of an answer, with a line in its margin wherever another source went on. */
export function movesIn(turn: AssistantTurn, part: Move['part'], texts: Texts, rendered: unknown) {
  // Where an answer begins nothing has moved yet.
  const moves = turn.moves.filter((move) => move.part === part && move.tokens > 0)
  if (moves.length === 0) return rendered
  return html`
    <div class="with-marks">
      ${rendered}
      ${moves.map((move) => mark(move, texts, turn[part]))}
    </div>
  `
}

function mark(move: Move, texts: Texts, text: string) {
  const { to, speedBefore, speedAfter } = move
  const speeds =
    speedBefore !== undefined && speedAfter !== undefined
      ? texts.speeds(texts.count(speedBefore), texts.speed(speedAfter))
      : ''
  const title = [texts.movedTo(to === 'origin' ? texts.gpu : texts.edge), speeds].filter(Boolean).join(' · ')
  return html`
    <div class="mark" part="move-mark" role="note" title=${title} ${besideToken(text.slice(0, move.at))}>
      <span class="hidden">${title}</span>
      <span class="mark-speeds" aria-hidden="true"><span class="dot ${to}"></span>${speeds}</span>
    </div>
  `
}

/** Puts an element beside the place where a text ended when it was this long, however that text is rendered. */
class BesideToken extends AsyncDirective {
  readonly #sizes = new ResizeObserver(() => this.#place())
  #element: HTMLElement | undefined
  #text: Element | undefined
  #before: string | undefined
  #letters = 0
  #frame: number | undefined

  render(_before: string) {
    return nothing
  }

  override update(part: ElementPart, [before]: [string]) {
    this.#element = part.element as HTMLElement
    if (before !== this.#before) {
      this.#before = before
      void loadMarkdown().then(() => {
        this.#letters = renderedLetters(before)
        this.#place()
      })
    }
    this.reconnected()
    return nothing
  }

  protected override disconnected(): void {
    this.#attach(undefined)
  }

  protected override reconnected(): void {
    queueMicrotask(() => this.isConnected && this.#attach(this.#element?.parentElement?.firstElementChild ?? undefined))
  }

  #attach(text: Element | undefined): void {
    if (text === this.#text) return
    this.#sizes.disconnect()
    this.#text?.removeEventListener('typeset', this.#moved)
    document.fonts.removeEventListener('loadingdone', this.#moved)
    this.#text = text
    if (!text) return
    this.#sizes.observe(text)
    // Lines break elsewhere, though there may be as many as before.
    text.addEventListener('typeset', this.#moved)
    document.fonts.addEventListener('loadingdone', this.#moved)
  }

  #moved = (): void => {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined
      this.#place()
    })
  }

  #place(): void {
    const text = this.#text
    const line = text && lineOfLetter(text, this.#letters)
    if (!line) return
    const top = line.bottom - text.getBoundingClientRect().top
    this.#element!.style.setProperty('inset-block-start', `${Math.round(top)}px`)
  }
}

const besideToken = directive(BesideToken)

/** Letters without white space that a Markdown text shows, with formulas as they are written. */
function renderedLetters(text: string): number {
  const aside = document.createElement('div')
  // What is half written where it ends has been closed there, too.
  render(markdown(text, { light: true, atOnce: true, streaming: true }), aside)
  let count = 0
  for (const [, letters] of pieces(aside)) count += letters.length
  return count
}

/** Texts and formulas of an answer with their letters: typesetting changes a formula's own. */
function* pieces(element: Element): Generator<[piece: Text | Element, letters: string]> {
  const nodes = document.createTreeWalker(element, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) => {
    if (isFormula(node.parentNode!) || (node as Element).className === 'code-head') return NodeFilter.FILTER_REJECT
    return node.nodeType === Node.TEXT_NODE || isFormula(node) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP
  })
  for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) yield [node as Text, letters((node as Text).data)]
    else yield [node as Element, letters((node as FormulaElement).source!)]
  }
}

function isFormula(node: Node): boolean {
  return node.nodeName === 'SPAN' && (node as FormulaElement).source !== undefined
}

/** Where the line is that has the letter with this number, 1-based. */
function lineOfLetter(element: Element, number: number): DOMRect | undefined {
  let before = 0
  let last: Text | Element | undefined
  for (const [piece, { length }] of pieces(element)) {
    if (length > 0) last = piece
    if (before + length >= number) break
    before += length
  }
  if (!last || last.nodeType !== Node.TEXT_NODE) return (last as Element | undefined)?.getBoundingClientRect()
  const range = document.createRange()
  const end = offsetOfLetter((last as Text).data, number - before)
  range.setStart(last, Math.max(0, end - 1))
  range.setEnd(last, end)
  return range.getClientRects()[0]
}

function offsetOfLetter(text: string, number: number): number {
  let seen = 0
  for (let offset = 0; offset < text.length; offset++) {
    if (!/\s/.test(text[offset]) && ++seen === number) return offset + 1
  }
  return text.length
}

function letters(text: string): string {
  return text.replace(/\s+/g, '')
}
