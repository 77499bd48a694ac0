import { svg } from 'lit'

const icon = (path: unknown) =>
  svg`<svg viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${path}</svg>`

export const sendIcon = icon(svg`<path d="M10 16V4.5M5 9.5l5-5 5 5" />`)
export const stopIcon = icon(
  svg`<rect x="5.5" y="5.5" width="9" height="9" rx="1.5" fill="currentColor" stroke="none" />`,
)
export const newChatIcon = icon(svg`<path d="M10 4.5v11M4.5 10h11" />`)
export const latestIcon = icon(svg`<path d="M10 4.5V16M5 11l5 5 5-5" />`)
