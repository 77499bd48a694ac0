import katex from 'katex'
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
  const set = document.createElement('span')
  try {
    katex.render(tex, set, {
      displayMode,
      throwOnError: true,
      strict: 'ignore',
      trust: false,
      maxExpand: 300,
      maxSize: 20,
    })
  } catch {
    return false
  }
  // The one thing for which KaTeX (0.19) writes an attribute.
  for (const drawing of set.querySelectorAll<SVGElement>('svg[style]')) {
    drawing.style.width = /width:\s*([\d.]+em)/.exec(drawing.getAttribute('style') ?? '')?.[1] ?? ''
  }
  adopt(element.getRootNode())
  void addFonts()
  if (set.querySelector(RARE)) void addRareFonts()
  element.replaceChildren(...set.childNodes)
  return true
}

export type Typeset = typeof typeset

function adopt(root: Node): void {
  if (!(root instanceof ShadowRoot || root instanceof Document) || root.adoptedStyleSheets.includes(sheet)) return
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet]
}
