const FENCE = '(`{3,}|~{3,})'
const LABEL = '\\[(\\^?)((?:\\\\.|[^\\]\\\\\\n])+)\\]:'
const ADDRESS = '(?:<([^>\\n]*)>|(\\S+))(?:[ \\t]+["\'(]([^\\n]*)["\')])?'
const LINE = new RegExp(`^ {0,3}(?:${FENCE}|${LABEL}[ \\t]*(?:${ADDRESS})?)[^\\n]*\\n`, 'gm')

/** What a text defines for the rest of it, before and behind: the addresses of `[label]: address` and the notes of `[^label]: text`. */
export class Definitions {
  readonly links: Record<string, { href: string; title: string }> = Object.create(null)
  readonly notes = new Set<string>()
  #inCode = false

  /** Takes more lines, which are whole. The labels, with their brackets, that were not defined before. */
  read(lines: string): string[] {
    const added: string[] = []
    for (const [, fence, note, label, inAngles, address, title = ''] of lines.matchAll(LINE)) {
      if (fence) this.#inCode = !this.#inCode
      if (fence || this.#inCode) continue
      if (note) {
        if (this.notes.has(label)) continue
        this.notes.add(label)
        added.push(`[^${label}]`)
      } else {
        const key = label.trim().replace(/\s+/g, ' ').toLowerCase()
        const href = inAngles ?? address
        if (href === undefined || key in this.links) continue
        this.links[key] = { href, title }
        added.push(`[${label.trim()}]`)
      }
    }
    return added
  }
}
