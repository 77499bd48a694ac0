/** Into the clipboard. Rejects where the page may not. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    // Pages without https have no clipboard of their own, and frames may be without leave for theirs.
    if (!copySelected(text)) throw new Error('The page may not copy.')
  }
}

function copySelected(text: string): boolean {
  const focused = focusedIn(document)
  const field = document.createElement('textarea')
  field.value = text
  field.readOnly = true
  field.style.position = 'fixed'
  // Where the focus is: outside of a dialog nothing else can have it.
  const place = focused === document.body ? undefined : focused?.parentNode
  ;(place ?? document.body).appendChild(field)
  field.select()
  const copied = document.execCommand('copy')
  field.remove()
  focused?.focus({ preventScroll: true })
  return copied
}

function focusedIn(root: DocumentOrShadowRoot): HTMLElement | null {
  const focused = root.activeElement as HTMLElement | null
  return focused?.shadowRoot?.activeElement ? focusedIn(focused.shadowRoot) : focused
}
