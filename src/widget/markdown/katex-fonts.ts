/** A font in Base64 with its family, weight and style. */
export type Font = readonly [base64: string, family: string, weight?: string, style?: string]

let usual: Promise<void> | undefined
let rare: Promise<void> | undefined

/** The fonts of most formulas. */
export function addFonts(): Promise<void> {
  usual ??= import('./katex-fonts-usual.ts').then(({ fonts }) => add(fonts))
  return usual
}

/** Those of other alphabets. */
export function addRareFonts(): Promise<void> {
  rare ??= import('./katex-fonts-rare.ts').then(({ fonts }) => add(fonts))
  return rare
}

// From bytes that a script brought: a policy about fonts is about those that are fetched.
function add(fonts: readonly Font[]): void {
  for (const [base64, family, weight = 'normal', style = 'normal'] of fonts) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
    document.fonts.add(new FontFace(`KaTeX_${family}`, bytes, { weight, style }))
  }
}
