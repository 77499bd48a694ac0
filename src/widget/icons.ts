import { svg } from 'lit'

const icon = (path: unknown) =>
  svg`<svg viewBox="0 0 20 20" width="1.25em" height="1.25em" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${path}</svg>`

export const sendIcon = icon(svg`<path d="M10 16V4.5M5 9.5l5-5 5 5" />`)
export const stopIcon = icon(
  svg`<rect x="5.5" y="5.5" width="9" height="9" rx="1.5" fill="currentColor" stroke="none" />`,
)
export const newChatIcon = icon(svg`<path d="M10 4.5v11M4.5 10h11" />`)
export const latestIcon = icon(svg`<path d="M10 4.5V16M5 11l5 5 5-5" />`)
export const copyIcon = icon(
  svg`<rect x="7" y="7" width="9" height="9" rx="2" /><path d="M4.5 13A1.5 1.5 0 0 1 4 11.9V6a2 2 0 0 1 2-2h5.9a1.5 1.5 0 0 1 1.1.5" />`,
)
export const doneIcon = icon(svg`<path d="M4.5 10.5l3.5 3.5 7.5-8" />`)
export const againIcon = icon(svg`<path d="M15.5 10a5.5 5.5 0 1 1-1.7-4M14.5 3v3.4h-3.4" />`)
export const editIcon = icon(svg`<path d="M4 16l.7-3.2L13 4.5l2.5 2.5-8.3 8.3zM11.2 6.3l2.5 2.5" />`)
export const deleteIcon = icon(svg`<path d="M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10M8.5 9v4.5M11.5 9v4.5" />`)
export const previousIcon = icon(svg`<path d="M12 5l-5 5 5 5" />`)
export const nextIcon = icon(svg`<path d="M8 5l5 5-5 5" />`)
export const listIcon = icon(svg`<path d="M4 6h12M4 10h12M4 14h7" />`)
export const closeIcon = icon(svg`<path d="M5.5 5.5l9 9M14.5 5.5l-9 9" />`)
export const toolIcon = icon(
  svg`<path d="M12.6 3.9a3.7 3.7 0 0 0-4 5.1L4 13.6 6.4 16l4.6-4.6a3.7 3.7 0 0 0 5.1-4l-2.2 2.2-2.5-.9-.9-2.5z" />`,
)
