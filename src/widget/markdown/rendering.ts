import { CodeBlock } from './code-block.ts'
import type { Part } from './document.ts'
import { Formula } from './formula.ts'
import { isIsland, islands, morphAfter, removeAfter } from './morph.ts'
import { sanitize } from './sanitize.ts'

export interface Texts {
  readonly copy: string
  readonly copied: string
  readonly notCopied: string
}

export interface RenderingOptions {
  readonly texts: Texts
  /** Into the clipboard. Rejects where the page may not. */
  copy(text: string): Promise<void>
  /** Formulas and code as they are written: for what is read in passing. */
  readonly light: boolean
}

/** An element in which a part that joins goes on: a list, an item, a quote, a table's body, a paragraph, the text of a code block. */
interface Level {
  readonly element: Element
  /** The last of its nodes that is finished. */
  last: ChildNode | null
  /** Of a code block, which shows its text in its own way. */
  readonly block: CodeBlock | undefined
  code: string
}

/** The parts of a document as the nodes between two others. */
export class Rendering {
  readonly #parent: Node
  readonly #before: ChildNode | null
  readonly #end: ChildNode | null
  readonly #options: RenderingOptions
  /** The last block that is finished, or is open. */
  #last: ChildNode | null
  /** What was cut of the last block, each within the one before. */
  #open: Level[] = []

  constructor(parent: Node, before: ChildNode | null, end: ChildNode | null, options: RenderingOptions) {
    this.#parent = parent
    this.#before = before
    this.#end = end
    this.#options = options
    this.#last = before
  }

  /** What is shown stays until other parts take its place. */
  restart(): void {
    this.#last = this.#before
    this.#open = []
  }

  clear(): void {
    this.restart()
    removeAfter(this.#parent, this.#before, this.#end)
  }

  /** Shows a part that nothing changes any more. */
  finish(part: Part): void {
    const [block] = elementsOf(part)
    if (!block) return
    const opened = opensOf(block, part.open)
    const opens = new Set(opened.map(({ element }) => element))
    this.#close(part.joins)
    if (this.#open.length > 0) {
      this.#join(openIn(block), opens, (level, last, hasMore) => {
        level.last = last
        if (hasMore) this.#close(this.#open.indexOf(level) + 1)
      })
    } else this.#last = this.#put(this.#last, [block], opens)
    while (this.#open.length < opened.length) {
      const parent = this.#open.at(-1)?.last ?? this.#last
      const { count, code } = opened[this.#open.length]
      const element = openIn(parent as Element)!
      const block = islands.get(parent!) as CodeBlock | undefined
      this.#open.push({ element, last: element.childNodes[count - 1] ?? null, block, code })
    }
  }

  /** Shows what still grows, behind what is finished. */
  grow(parts: readonly Part[]): void {
    let last = this.#last
    const rest = [...parts]
    const joins = Math.min(rest[0]?.joins ?? 0, this.#open.length)
    for (const level of this.#open.slice(joins)) trim(level, level.last)
    if (joins > 0) {
      const [block] = elementsOf(rest.shift()!)
      this.#join(openIn(block), undefined, trim, joins)
    }
    for (const part of rest) last = this.#put(last, elementsOf(part))
    removeAfter(this.#parent, last, this.#end)
  }

  /**
   * Puts what a part has behind what is finished in the open elements. `opens`: its own that go on, undefined: none. `done` is told, of the
   * innermost first, the last node and whether there are such that are not within the next one.
   */
  #join(
    next: Element | undefined,
    opens: ReadonlySet<Element> | undefined,
    done: (level: Level, last: ChildNode | null, hasMore: boolean) => void,
    joins = this.#open.length,
    depth = 0,
  ): void {
    const level = this.#open[depth]
    const nodes = [...(next?.childNodes ?? [])]
    if (level.block) {
      const code = level.code + (next?.textContent ?? '')
      level.block.set(code, opens !== undefined)
      if (opens) level.code = code
      return
    }
    if (depth + 1 < joins) this.#join(openIn(nodes.shift() as Element | undefined), opens, done, joins, depth + 1)
    done(level, morphAfter(level.element, level.last, nodes, null, this.#settle, opens), nodes.length > 0)
  }

  /** What stands in open elements behind their finished nodes belongs to them no more. `count`: so many stay open. */
  #close(count: number): void {
    for (const level of this.#open.splice(count)) trim(level, level.last)
  }

  #put(last: ChildNode | null, blocks: readonly Element[], opens?: ReadonlySet<Element>): ChildNode | null {
    return morphAfter(this.#parent, last, blocks, this.#end, this.#settle, opens)
  }

  #settle = (node: Node): Node => {
    if (!(node instanceof Element)) return node
    if (isIsland(node)) return this.#island(node)
    for (const inner of node.querySelectorAll('pre, span.math')) inner.replaceWith(this.#island(inner))
    return node
  }

  #island(element: Element): Element {
    if (element.nodeName !== 'PRE') return new Formula(element as HTMLElement, this.#options.light).element
    return new CodeBlock(element, this.#options).element
  }
}

function elementsOf({ html }: Part): Element[] {
  return [...sanitize(html).children]
}

/** The element of a block in which a part that joins goes on. */
function openIn(block: Element | undefined): Element | undefined {
  if (!block) return undefined
  if (block.matches('p, ul, ol, li, blockquote')) return block
  if (block.matches('pre, .code')) return block.querySelector('code') ?? undefined
  return block.querySelector(':scope > table > tbody') ?? undefined
}

/** The open elements of a block that was cut, each within the last node of the one before. */
function opensOf(block: Element, levels: number): { element: Element; count: number; code: string }[] {
  if (levels === 0) return []
  const element = openIn(block)!
  const opened = {
    element,
    count: element.childNodes.length,
    code: block.nodeName === 'PRE' ? element.textContent! : '',
  }
  return [opened, ...opensOf(element.lastElementChild!, levels - 1)]
}

function trim({ element, block, code }: Level, last: ChildNode | null): void {
  if (block) block.set(code)
  else removeAfter(element, last, null)
}
