import { html, nothing, render } from 'lit'
import { AsyncDirective, directive } from 'lit/async-directive.js'
import type { ElementPart } from 'lit/directive.js'
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
  #before: string | undefined
  #letters = 0

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
    this.#sizes.disconnect()
  }

  protected override reconnected(): void {
    queueMicrotask(() => {
      const text = this.#text
      if (this.isConnected && text) this.#sizes.observe(text)
    })
  }

  get #text(): Element | null | undefined {
    return this.#element?.parentElement?.firstElementChild
  }

  #place(): void {
    const text = this.#text
    const range = text && placeOfLetter(text, this.#letters)
    if (!range) return
    const [line] = range.getClientRects()
    if (!line) return
    const top = line.bottom - text.getBoundingClientRect().top
    this.#element!.style.setProperty('inset-block-start', `${Math.round(top)}px`)
  }
}

const besideToken = directive(BesideToken)

/** Letters without white space that a Markdown text shows. */
function renderedLetters(text: string): number {
  const aside = document.createElement('div')
  render(markdown(text, { light: true, atOnce: true }), aside)
  return letters(aside.textContent ?? '').length
}

/** The letter with this number, 1-based. */
function placeOfLetter(element: Element, number: number): Range | undefined {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
  let before = 0
  let last: Text | undefined
  for (let node = texts.nextNode() as Text | null; node; node = texts.nextNode() as Text | null) {
    const count = letters(node.data).length
    if (count > 0) last = node
    if (before + count >= number) break
    before += count
  }
  if (!last) return undefined
  const range = document.createRange()
  const end = offsetOfLetter(last.data, number - before)
  range.setStart(last, Math.max(0, end - 1))
  range.setEnd(last, end)
  return range
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
