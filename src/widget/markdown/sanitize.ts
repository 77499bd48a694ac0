import DOMPurify from 'dompurify'

// What Markdown needs and no more. No images: a model can be talked into leaking the conversation in an image's address.
const ALLOWED_TAGS = [
  ...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul', 'ol', 'li', 'div', 'input'],
  ...['strong', 'em', 'del', 'sub', 'sup', 'kbd', 'code', 'pre', 'span', 'a'],
  ...['table', 'thead', 'tbody', 'tr', 'th', 'td'],
]
const ALLOWED_ATTR = ['href', 'start', 'align', 'class', 'type', 'checked', 'disabled', 'tabindex', 'target', 'rel']
// An address within the page would be the embedding page's, but for notes, which are looked for where they stand.
const ADDRESS = /^(?:https?:|mailto:|tel:|#(?:note|reference)-\d+$)/i

const purify = DOMPurify(window)

purify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName === 'INPUT' && !node.hasAttribute('disabled')) node.remove()
  if (node.tagName !== 'A') return
  const address = node.getAttribute('href') ?? ''
  if (!ADDRESS.test(address)) node.removeAttribute('href')
  if (address.startsWith('#')) return
  node.setAttribute('target', '_blank')
  node.setAttribute('rel', 'noopener noreferrer nofollow')
})

export function sanitize(html: string): DocumentFragment {
  return purify.sanitize(html, { ALLOWED_TAGS, ALLOWED_ATTR, RETURN_DOM_FRAGMENT: true })
}
