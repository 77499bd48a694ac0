/** For a textarea: as high as its text, within the limits of its style. */
export const fitting = CSS.supports('field-sizing', 'content') ? () => {} : fit

/** Firefox and older Safari do not do it by style. */
function fit(field: HTMLTextAreaElement): void {
  field.style.blockSize = 'auto'
  field.style.blockSize = `${field.scrollHeight}px`
}
