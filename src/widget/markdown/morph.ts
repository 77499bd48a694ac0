/** An element that shows its source in its own way: code with a header, a typeset formula. */
export interface Island {
  /** Whether this, as sanitized, is what it shows a later state of. */
  accepts(next: Node): boolean
  take(next: Element): void
}

export const islands = new WeakMap<Node, Island>()

/** What a node of sanitized Markdown becomes before it is shown. */
export type Settle = (node: Node) => Node

/**
 * Makes what stands behind `after` in `parent` (`null`: from its first child) be `nodes`, and keeps the elements and texts that are there
 * already, so that selections and scroll positions survive. What stands behind them stays. The last of them.
 */
export function morphAfter(
  parent: Node,
  after: ChildNode | null,
  nodes: Iterable<Node>,
  end: ChildNode | null,
  settle: Settle,
  opens?: ReadonlySet<Element>,
): ChildNode | null {
  let last = after
  for (const next of [...nodes]) {
    const old: ChildNode | null = last ? last.nextSibling : parent.firstChild
    if (old && old !== end && isSame(old, next)) {
      patch(old, next, settle, opens)
      last = old
    } else {
      const settled = settle(next) as ChildNode
      if (old && old !== end) parent.replaceChild(settled, old)
      else parent.insertBefore(settled, old)
      last = settled
    }
  }
  return last
}

export function removeAfter(parent: Node, after: ChildNode | null, end: ChildNode | null): void {
  for (;;) {
    const next = after ? after.nextSibling : parent.firstChild
    if (!next || next === end) return
    next.remove()
  }
}

function isSame(old: Node, next: Node): boolean {
  const island = islands.get(old)
  return island ? island.accepts(next) : old.nodeName === next.nodeName && !isIsland(next)
}

export function isIsland(node: Node): boolean {
  return node.nodeName === 'PRE' || (node.nodeName === 'SPAN' && (node as Element).classList.contains('math'))
}

/** `opens`: elements of what is shown that go on in a part to come, which may be there already; undefined: none does. */
function patch(old: Node, next: Node, settle: Settle, opens?: ReadonlySet<Element>): void {
  const island = islands.get(old)
  if (island) island.take(next as Element)
  else if (old.nodeType === Node.TEXT_NODE) patchText(old as Text, (next as Text).data, opens !== undefined)
  else patchElement(old as Element, next as Element, settle, opens)
}

function patchElement(old: Element, next: Element, settle: Settle, opens: ReadonlySet<Element> = new Set()): void {
  patchAttributes(old, next)
  const isOpen = opens.has(next)
  const hasOpen = isOpen || [...opens].some((open) => next.contains(open))
  const last = morphAfter(old, null, next.childNodes, null, settle, hasOpen ? opens : undefined)
  if (!isOpen) removeAfter(old, last, null)
}

/** Replaces no more than what differs: a selection in the rest stays. */
function patchText(old: Text, data: string, goesOn: boolean): void {
  let same = 0
  while (same < data.length && data[same] === old.data[same]) same++
  if (goesOn && same === data.length && same < old.data.length) old.splitText(same)
  else if (same < old.data.length) old.replaceData(same, old.data.length - same, data.slice(same))
  else if (same < data.length) old.appendData(data.slice(same))
}

function patchAttributes(old: Element, next: Element): void {
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name)
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value)
}
