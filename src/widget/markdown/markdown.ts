import { noChange } from 'lit'
import { AsyncDirective, directive } from 'lit/async-directive.js'
import type { ChildPart } from 'lit/directive.js'
import { copyText } from '../views/copy-text.ts'
import type { MarkdownRenderer, RendererOptions } from './renderer.ts'

export interface MarkdownOptions extends Partial<Omit<RendererOptions, 'copy'>> {
  /** More text follows: what is half written is closed. */
  readonly streaming?: boolean
}

const OPTIONS: RendererOptions = {
  light: false,
  atOnce: false,
  texts: { copy: 'Copy', copied: 'Copied', notCopied: 'Could not copy' },
  copy: copyText,
}

let Renderer: typeof MarkdownRenderer | undefined
let loading: Promise<void> | undefined

/** Loads what shows Markdown, which is larger than all the rest: at the latest a first text does. */
export function loadMarkdown(): Promise<void> {
  loading ??= import('./renderer.ts').then(
    (module) => {
      Renderer = module.MarkdownRenderer
    },
    () => {
      // The next text tries again.
      loading = undefined
    },
  )
  return loading
}

/** Markdown between the markers of a child part. Lit makes the place; what stands there is kept by hand. */
class MarkdownDirective extends AsyncDirective {
  #renderer: MarkdownRenderer | undefined
  #text: string | undefined
  #streaming = false
  #options = OPTIONS

  render(_text: string, _options: MarkdownOptions = {}) {
    return noChange
  }

  override update(part: ChildPart, [text, { streaming = false, ...options } = {}]: Parameters<this['render']>) {
    this.#options = { ...OPTIONS, ...options }
    if (text === this.#text && streaming === this.#streaming && this.#renderer?.isFor(this.#options)) return noChange
    this.#text = text
    this.#streaming = streaming
    if (Renderer) this.#show(part)
    else {
      showPlain(part, text)
      void loadMarkdown().then(() => this.#show(part))
    }
    return noChange
  }

  #show({ parentNode, startNode, endNode }: ChildPart): void {
    if (!Renderer) return
    if (this.#renderer && !this.#renderer.isFor(this.#options)) {
      this.#renderer.clear()
      this.#renderer = undefined
    }
    this.#renderer ??= new Renderer(parentNode, startNode as ChildNode, endNode as ChildNode | null, this.#options)
    this.#renderer.show(this.#text!, this.#streaming)
  }

  protected override disconnected(): void {
    this.#renderer?.pause()
  }

  protected override reconnected(): void {
    this.#renderer?.resume()
  }
}

/** What is written, until it can be shown as it is meant. */
function showPlain({ startNode, endNode, parentNode }: ChildPart, text: string): void {
  const first = startNode!.nextSibling
  const plain = first && first !== endNode ? (first as HTMLElement) : document.createElement('p')
  plain.textContent = text
  if (plain !== first) {
    plain.className = 'plain'
    parentNode.insertBefore(plain, endNode)
  }
}

const directed = directive(MarkdownDirective)

/** A model's Markdown, for a Lit template: nothing in it runs, and a text that grows costs what was added to it. */
export function markdown(text: string, options?: MarkdownOptions) {
  return directed(text, options)
}
