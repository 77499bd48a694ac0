import DOMPurify from 'dompurify'
import { guard } from 'lit/directives/guard.js'
import { unsafeHTML } from 'lit/directives/unsafe-html.js'
import { Marked, type Token } from 'marked'

// What Markdown needs and no more. No images: a model can be talked into leaking the conversation in an image's address.
const ALLOWED_TAGS = [
  ...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul', 'ol', 'li'],
  ...['strong', 'em', 'del', 'sub', 'sup', 'code', 'pre', 'a'],
  ...['table', 'thead', 'tbody', 'tr', 'th', 'td'],
]
const ALLOWED_ATTR = ['href', 'start', 'align', 'target', 'rel']

// HTML that a model writes is text about HTML: no tokens for it, so that it is shown as it stands.
const noToken = () => undefined
const marked = new Marked({ gfm: true, breaks: true, async: false, tokenizer: { html: noToken, tag: noToken } })
const purify = DOMPurify(window)

purify.addHook('afterSanitizeAttributes', (node) => {
  // Below the heading of the message.
  const level = /^H([1-6])$/.exec(node.tagName)?.[1]
  if (level) node.setAttribute('aria-level', `${Math.min(Number(level) + 3, 6)}`)
  if (node.tagName !== 'A') return
  node.setAttribute('target', '_blank')
  node.setAttribute('rel', 'noopener noreferrer nofollow')
})

/** A model's Markdown as safe HTML, for a Lit template. Of a growing text only the blocks that changed are made anew. */
export function markdown(text: string) {
  return marked.lexer(text).map((block) => guard([block.raw], () => unsafeHTML(safeHtml(block))))
}

function safeHtml(block: Token): string {
  return purify.sanitize(marked.parser([block]), { ALLOWED_TAGS, ALLOWED_ATTR })
}
