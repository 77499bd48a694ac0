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

/** The parts of a document as the nodes between two others. */
export class Rendering {
  readonly #parent: Node
  readonly #before: ChildNode | null
  readonly #end: ChildNode | null
  readonly #options: RenderingOptions
  /** The last block that is finished, or is open. */
  #last: ChildNode | null
  /** What a part that joins goes on with: a list, a table's body, a paragraph, the text of a code block. */
  #open: { element: Element; last: ChildNode | null; code: string } | undefined

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
    this.#open = undefined
  }

  clear(): void {
    this.restart()
    removeAfter(this.#parent, this.#before, this.#end)
  }

  /** Shows a part that nothing changes any more. */
  finish(part: Part): void {
    const [block] = elementsOf(part)
    if (!block) return
    if (part.joins && this.#open) {
      this.#open.last = this.#join(block, part.open)
      this.#open.code += block.textContent
    } else {
      this.#closeOpen()
      const open = part.open ? openIn(block) : undefined
      const code = block.nodeName === 'PRE' ? block.textContent! : ''
      const count = open?.childNodes.length ?? 0
      this.#last = this.#put(this.#last, [block], open)
      const element = openIn(this.#last as Element)
      this.#open = element && open ? { element, last: element.childNodes[count - 1] ?? null, code } : undefined
    }
  }

  /** Shows what still grows, behind what is finished. */
  grow(parts: readonly Part[]): void {
    let last = this.#last
    const rest = [...parts]
    const open = this.#open
    if (rest[0]?.joins && open) {
      const [block] = elementsOf(rest.shift()!)
      const end = block ? this.#join(block, false) : open.last
      if (!islands.has(last!)) removeAfter(open.element, end, null)
    } else this.#closeOpen(false)
    for (const part of rest) last = this.#put(last, elementsOf(part))
    removeAfter(this.#parent, last, this.#end)
  }

  #join(block: Element, goesOn: boolean): ChildNode | null {
    const { element, last, code } = this.#open!
    const island = islands.get(this.#last!)
    if (island instanceof CodeBlock) {
      island.set(code + block.textContent, goesOn)
      return null
    }
    const container = openIn(block)
    return container
      ? morphAfter(element, last, container.childNodes, null, this.#settle, goesOn ? null : undefined)
      : last
  }

  /** What stands in the open block behind its finished parts belongs to it no more. */
  #closeOpen(forget = true): void {
    if (!this.#open) return
    if (islands.get(this.#last!) instanceof CodeBlock)
      (islands.get(this.#last!) as CodeBlock).set(this.#open.code, false)
    else removeAfter(this.#open.element, this.#open.last, null)
    if (forget) this.#open = undefined
  }

  #put(last: ChildNode | null, blocks: readonly Element[], open?: Element | null): ChildNode | null {
    return morphAfter(this.#parent, last, blocks, this.#end, this.#settle, open)
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
function openIn(block: Element): Element | undefined {
  if (block.matches('p, ul, ol')) return block
  if (block.matches('pre, .code')) return block.querySelector('code') ?? undefined
  return block.querySelector(':scope > table > tbody') ?? undefined
}
