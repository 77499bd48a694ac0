// The part of Markdown that is loaded when the first is shown: what reads it, cleans it and keeps its nodes.
import { MarkdownDocument } from './document.ts'
import { followNotes } from './follow-notes.ts'
import { isLikeJson, jsonTree, parseJson } from './json-tree.ts'
import { Rendering, type RenderingOptions } from './rendering.ts'

/** Reading and showing more than this many ms at once would be felt; the rest follows in the next frames. */
const SLICE_MS = 8
/** So many parts are shown at once whatever they take: a short text is there at once. */
const PARTS_AT_ONCE = 4

export interface RendererOptions extends RenderingOptions {
  /** All of a text before the call returns, however long that takes. */
  readonly atOnce: boolean
}

/** Shows Markdown between two nodes, and keeps what it has shown while the text grows. */
export class MarkdownRenderer {
  readonly #parent: Node
  readonly #end: ChildNode | null
  readonly #options: RendererOptions
  readonly #rendering: Rendering
  #document = new MarkdownDocument()
  #tree: HTMLElement | undefined
  #frame: number | undefined

  constructor(parent: Node, before: ChildNode | null, end: ChildNode | null, options: RendererOptions) {
    this.#parent = parent
    this.#end = end
    this.#options = options
    this.#rendering = new Rendering(parent, before, end, options)
    parent.addEventListener('click', followNotes)
  }

  /** Whether it shows a text as these want it. */
  isFor({ light, texts }: RendererOptions): boolean {
    return light === this.#options.light && texts === this.#options.texts
  }

  show(text: string, streaming: boolean): void {
    const json = streaming ? undefined : parseJson(text)
    if (this.#tree || json) this.#rendering.clear()
    this.#tree = json && jsonTree(json)
    if (this.#tree) {
      this.pause()
      this.#document = new MarkdownDocument()
      this.#parent.insertBefore(this.#tree, this.#end)
      return
    }
    const source = streaming && isLikeJson(text) ? `\`\`\`json\n${text}` : text
    if (this.#document.update(source, !streaming)) this.#rendering.restart()
    this.#showParts()
  }

  clear(): void {
    this.pause()
    this.#rendering.clear()
  }

  pause(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
  }

  resume(): void {
    if (this.#frame !== undefined) this.#showParts()
  }

  #showParts = (): void => {
    this.pause()
    this.#frame = undefined
    const start = performance.now()
    const sliceMs = this.#options.atOnce ? Number.POSITIVE_INFINITY : SLICE_MS
    let shown = 0
    for (let parts = this.#document.next(); parts; parts = this.#document.next()) {
      for (const part of parts) this.#rendering.finish(part)
      shown += parts.length
      if (shown >= PARTS_AT_ONCE && performance.now() - start > sliceMs) {
        this.#frame = requestAnimationFrame(this.#showParts)
        return
      }
    }
    this.#rendering.grow(this.#document.tail())
  }
}
