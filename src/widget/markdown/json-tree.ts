/** Deeper than this it is folded at first. */
const OPEN_DEPTH = 2
/** Of more entries than these each hundred is folded. */
const GROUP = 100

/** What a text says in JSON, where it is an object or an array and nothing else. */
export function parseJson(text: string): object | undefined {
  if (!/^\s*[{[][\s\S]*[}\]]\s*$/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a text that still grows will be JSON, as far as one can tell. */
export function isLikeJson(text: string): boolean {
  return /^\s*(?:\{\s*(?:["}]|$)|\[\s*[{["])/.test(text)
}

/** A foldable tree. */
export function jsonTree(value: object): HTMLElement {
  const tree = element('div', 'json', branch(undefined, value, 0))
  tree.dir = 'ltr'
  return tree
}

function node(key: string | undefined, value: unknown, depth: number): HTMLElement {
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) return branch(key, value, depth)
  const type = value === null ? 'null' : typeof value
  return element('div', 'json-leaf', ...name(key), element('span', `json-${type}`, JSON.stringify(value)))
}

function branch(key: string | undefined, value: object, depth: number): HTMLElement {
  const isArray = Array.isArray(value)
  const entries = Object.entries(value)
  const size = element('span', 'json-size', isArray ? `[${entries.length}]` : `{${entries.length}}`)
  return fold([...name(key), size], () => children(entries, isArray, depth + 1), depth < OPEN_DEPTH)
}

function children(entries: [string, unknown][], isArray: boolean, depth: number): HTMLElement[] {
  const nodes = (part: [string, unknown][]) => part.map(([key, value]) => node(isArray ? undefined : key, value, depth))
  if (entries.length <= GROUP) return nodes(entries)
  return Array.from({ length: Math.ceil(entries.length / GROUP) }, (_, index) => {
    const part = entries.slice(index * GROUP, (index + 1) * GROUP)
    const range = `${index * GROUP} … ${index * GROUP + part.length - 1}`
    return fold([element('span', 'json-size', range)], () => nodes(part), false)
  })
}

/** What is folded is made when it is opened. */
function fold(summary: (Node | string)[], children: () => HTMLElement[], open: boolean): HTMLElement {
  const body = element('div', '')
  const details = document.createElement('details')
  details.append(element('summary', '', ...summary), body)
  details.open = open
  if (open) body.append(...children())
  else details.addEventListener('toggle', () => body.append(...children()), { once: true })
  return details
}

function name(key: string | undefined): (Node | string)[] {
  return key === undefined ? [] : [element('span', 'json-key', JSON.stringify(key)), ': ']
}

function element(tag: string, className: string, ...content: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag)
  if (className) made.className = className
  made.append(...content)
  return made
}
