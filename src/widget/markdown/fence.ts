const OPENER = /^( {0,3})(`{3,}|~{3,})[^\n]*(?:\n|$)/

export interface Fence {
  /** The line that opens it, with its line break. */
  readonly opener: string
  /** What stands between the fences, less the indent of the first. Its lines end with a line break, but for one that still grows. */
  readonly text: string
  readonly closed: boolean
}

/** The parts of a fenced code block as it stands in the source; undefined for an indented one. */
export function fenceOf(raw: string): Fence | undefined {
  const match = OPENER.exec(raw)
  if (!match) return undefined
  const [opener, indent, marks] = match
  const body = raw.slice(opener.length)
  const closer = new RegExp(`(?:^|\\n) {0,3}${marks[0]}{${marks.length},}[ \\t]*\\n*$`).exec(body)
  const lines = closer ? body.slice(0, closer.index + (closer[0].startsWith('\n') ? 1 : 0)) : body
  const text = indent ? lines.replace(new RegExp(`^ {1,${indent.length}}`, 'gm'), '') : lines
  return { opener, text, closed: closer !== null }
}
