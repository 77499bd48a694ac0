import DOMPurify from 'dompurify'
import { unsafeHTML } from 'lit/directives/unsafe-html.js'
import { Marked } from 'marked'

// What Markdown needs and no more. No images: a model can be talked into leaking the conversation in an image's address.
const ALLOWED_TAGS = [
  ...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul', 'ol', 'li'],
  ...['strong', 'em', 'del', 'sub', 'sup', 'code', 'pre', 'a'],
  ...['table', 'thead', 'tbody', 'tr', 'th', 'td'],
]
const ALLOWED_ATTR = ['href', 'start', 'align', 'target', 'rel']

const marked = new Marked({ gfm: true, breaks: true, async: false })
const purify = DOMPurify(window)

purify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName !== 'A') return
  node.setAttribute('target', '_blank')
  node.setAttribute('rel', 'noopener noreferrer nofollow')
})

/** A model's Markdown as safe HTML, for a Lit template. */
export function markdown(text: string) {
  const html = marked.parse(text) as string
  return unsafeHTML(purify.sanitize(html, { ALLOWED_TAGS, ALLOWED_ATTR }))
}
