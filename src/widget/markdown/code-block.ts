import type { Highlighter } from './highlighter.ts'
import { lazily } from './lazily.ts'
import { type Island, islands, morphAfter, removeAfter } from './morph.ts'
import type { RenderingOptions } from './rendering.ts'

/** Characters after which lines are set apart, so that a line that grows moves no others. */
const GROUP = 1500
/** Code that is within a string or a comment for longer than this is coloured anew from there. */
const MAX_OPEN = 6000
const GROUPS_AT_ONCE = 2
const COPIED_MS = 2000

let loading: Promise<Highlighter> | undefined
let highlighter: Highlighter | undefined

function load(): Promise<Highlighter> {
  loading ??= import('./highlighter.ts').then((module) => {
    highlighter = module.highlighter
    return highlighter
  })
  return loading
}

/** Code with its language, a button that copies it, and colours once the highlighter is there. It may grow. */
export class CodeBlock implements Island {
  readonly element = document.createElement('div')
  readonly #code = document.createElement('code')
  readonly #name = document.createElement('span')
  readonly #light: boolean
  #text = ''
  #language = ''
  /** The lines up to here are shown for good. */
  #done = 0
  #waiting = false

  constructor(pre: Element, options: RenderingOptions) {
    this.#light = options.light
    this.element.className = 'code'
    const head = document.createElement('div')
    head.className = 'code-head'
    head.append(
      this.#name,
      copyButton(options, () => this.#text, this.#code),
    )
    const scroller = document.createElement('pre')
    scroller.tabIndex = 0
    scroller.append(this.#code)
    this.element.append(head, scroller)
    islands.set(this.element, this)
    this.take(pre)
  }

  accepts(next: Node): boolean {
    return next.nodeName === 'PRE'
  }

  take(pre: Element): void {
    const [language = ''] = /(?<=language-)\S+/.exec(pre.firstElementChild?.className ?? '') ?? []
    if (language !== this.#language) {
      this.#language = language
      this.#name.textContent = language
      this.#code.className = language && `language-${language}`
      this.#done = 0
      if (language && !this.#light && !highlighter) {
        // Without the highlighter it is code all the same.
        load().then(
          () => lazily(() => this.#again()),
          () => {},
        )
      }
    }
    this.set(pre.textContent ?? '')
  }

  /** `goesOn`: what is shown behind this text may be what follows. */
  set(text: string, goesOn = false): void {
    if (goesOn && this.#text.startsWith(text)) return
    if (!text.startsWith(this.#text.slice(0, this.#done))) this.#done = 0
    this.#text = text
    this.#show(GROUPS_AT_ONCE)
  }

  #again(): void {
    if (!highlighter?.knows(this.#language)) return
    this.#done = 0
    this.#show(1)
  }

  /** Shows lines that are not shown for good. Of a long block the rest comes while the page goes on. */
  #show(groups: number): void {
    if (!this.#showGroups(groups) || this.#waiting) return
    this.#waiting = true
    lazily(() => {
      this.#waiting = false
      this.#show(1)
    })
  }

  /** True where there are more. */
  #showGroups(groups: number): boolean {
    let last = this.#shown()
    for (; groups > 0; groups--) {
      const rest = this.#text.slice(this.#done)
      const end = rest.indexOf('\n', GROUP) + 1
      if (end === 0 || end === rest.length) {
        last = rest === '' ? last : this.#put(last, this.#coloured(rest)?.nodes ?? plain(rest))
        removeAfter(this.#code, last, null)
        return false
      }
      const length = this.#lengthOfGroup(rest, end)
      if (length === undefined) {
        removeAfter(this.#code, this.#put(last, this.#coloured(rest)!.nodes), null)
        return false
      }
      last = this.#put(last, this.#coloured(rest.slice(0, length))?.nodes ?? plain(rest.slice(0, length)))
      ;(last as HTMLElement).dataset.end = String(this.#done + length)
      this.#done += length
    }
    return true
  }

  /** Lines may be coloured by themselves where what is before them leaves nothing open; undefined where that may still come. */
  #lengthOfGroup(rest: string, end: number): number | undefined {
    for (let length = end; length > 0 && length < MAX_OPEN; length = rest.indexOf('\n', length + GROUP / 4) + 1) {
      if (this.#coloured(rest.slice(0, length))?.open !== true) return length
    }
    return rest.length < MAX_OPEN ? undefined : end
  }

  #coloured(text: string) {
    return this.#light ? undefined : highlighter?.colour(text, this.#language)
  }

  /** The last group that is shown for good. */
  #shown(): ChildNode | null {
    if (this.#done === 0) return null
    for (let group = this.#code.lastChild as HTMLElement | null; group; group = group.previousSibling as HTMLElement) {
      if (group.dataset.end === String(this.#done)) return group
    }
    this.#done = 0
    return null
  }

  #put(last: ChildNode | null, nodes: Iterable<Node>): ChildNode | null {
    const group = document.createElement('span')
    group.className = 'lines'
    group.append(...nodes)
    return morphAfter(this.#code, last, [group], null, (node) => node)
  }
}

function plain(text: string): Node[] {
  return [document.createTextNode(text)]
}

function copyButton({ texts, copy }: RenderingOptions, text: () => string, code: Element): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'copy'
  button.textContent = texts.copy
  let timer: ReturnType<typeof setTimeout> | undefined
  button.addEventListener('click', async () => {
    try {
      await copy(text().replace(/\n$/, ''))
      button.textContent = texts.copied
    } catch {
      // What is selected can be copied by hand.
      getSelection()?.selectAllChildren(code)
      button.textContent = texts.notCopied
    }
    clearTimeout(timer)
    timer = setTimeout(() => {
      button.textContent = texts.copy
    }, COPIED_MS)
  })
  return button
}
