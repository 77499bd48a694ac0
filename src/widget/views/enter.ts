/** Whether a key that was pressed in a textarea sends what is written there. */
export function sends(event: KeyboardEvent): boolean {
  // Enter also ends the composition of a Chinese or Japanese word. Safari says so by the key code alone: its
  // compositionend comes before this event.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return false
  // A touch keyboard has no Shift+Enter; a button sends.
  return !isTouch()
}

export function isTouch(): boolean {
  return matchMedia('(hover: none) and (pointer: coarse)').matches
}
