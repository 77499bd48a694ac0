import katex, { type KatexOptions } from 'katex'
import css from 'katex/dist/katex.min.css'
import { addFonts, addRareFonts } from './katex-fonts.ts'

/** Commands whose letters are in fonts that few formulas need. */
const RARE =
  '.mathcal, .mathfrak, .mathscr, .mathsf, .mathtt, .mathboldsf, .mathitsf, .boldsymbol, .mathbfit, .text, .textbf'

// Fonts come by themselves: the style sheet of a shadow root cannot bring them.
const sheet = new CSSStyleSheet()
sheet.replaceSync(css.replace(/@font-face\{[^}]*\}/g, ''))

/**
 * Sets a formula into an element, which stays as it was where KaTeX does not understand it (false). Nodes and their styles are made by
 * calls, not by HTML: a page whose policy allows neither inline styles nor other fonts shows the same.
 */
export function typeset(tex: string, displayMode: boolean, element: HTMLElement): boolean {
  let set: HTMLElement
  try {
    const tree = renderToTree(tex, {
      ...{ displayMode, throwOnError: true, strict: 'ignore', trust: false, maxExpand: 300, maxSize: 20 },
    })
    keepWidths(tree)
    set = tree.toNode()
  } catch {
    return false
  }
  for (const drawing of set.querySelectorAll<SVGElement>('svg[data-width]')) {
    drawing.style.width = drawing.dataset.width!
  }
  adopt(element.getRootNode())
  void addFonts()
  if (set.querySelector(RARE)) void addRareFonts()
  element.replaceChildren(set)
  return true
}

/** What KaTeX makes its nodes of; its types leave it out. */
const { __renderToDomTree: renderToTree } = katex as unknown as {
  __renderToDomTree(tex: string, options: KatexOptions): TreeNode
}

interface TreeNode {
  readonly attributes?: Record<string, string>
  readonly children?: readonly TreeNode[]
  toNode(): HTMLElement
}

/** The one thing that KaTeX (0.19) writes into an attribute is the width of a drawing; policies forbid that. */
function keepWidths({ attributes, children = [] }: TreeNode): void {
  if (attributes?.style) {
    attributes['data-width'] = attributes.style.replace(/^width:/, '')
    delete attributes.style
  }
  for (const child of children) keepWidths(child)
}

export type Typeset = typeof typeset

function adopt(root: Node): void {
  if (!(root instanceof ShadowRoot || root instanceof Document) || root.adoptedStyleSheets.includes(sheet)) return
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet]
}
