import { getDefaults, Parser, Renderer, type Token, type Tokens } from 'marked'
import type { Item } from './cut.ts'
import { escapeHtml } from './escape.ts'
import { fenceOf } from './fence.ts'
import { footnoteHtml, footnoteReferenceHtml } from './footnotes.ts'
import { mathHtml } from './math.ts'

/** The chat's own headings are of levels 1 to 3. */
const HEADINGS_ABOVE = 3

class ChatRenderer extends Renderer {
  override heading({ tokens, depth }: Tokens.Heading): string {
    const level = Math.min(depth + HEADINGS_ABOVE, 6)
    return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`
  }

  override code({ raw, text, lang }: Tokens.Code): string {
    const [language] = /^[\w+#.-]{1,32}/.exec(lang ?? '') ?? []
    const attribute = language ? ` class="language-${language.toLowerCase()}"` : ''
    return `<pre><code${attribute}>${escapeHtml(fenceOf(raw)?.text ?? text)}</code></pre>\n`
  }

  override table(token: Tokens.Table): string {
    return `<div class="table" tabindex="0">${super.table(token)}</div>\n`
  }

  // What an item begins with is in no paragraph, and all other text is: a list that grows has items that nothing may change any more.
  override listitem({ tokens, task, checked, continued }: Item): string {
    const first = continued ? undefined : tokens.find(({ type }) => type !== 'space' && type !== 'checkbox')
    const body = tokens.map((token) => {
      if (token.type !== 'text' && token.type !== 'paragraph') return this.parser.parse([token])
      const text = this.parser.parseInline((token as Tokens.Paragraph).tokens)
      return token === first ? text : `<p>${text}</p>`
    })
    const box = task ? `<input type="checkbox" disabled${checked ? ' checked' : ''}> ` : ''
    return `<li${task ? ' class="task"' : ''}>${box}${body.join('').trimEnd()}</li>\n`
  }

  override checkbox(): string {
    return ''
  }

  // A model can be talked into leaking the conversation in an image's address.
  override image({ text }: Tokens.Image): string {
    return escapeHtml(text)
  }
}

const renderers = {
  math: mathHtml,
  footnote(this: { parser: Parser }, token: Tokens.Generic) {
    return footnoteHtml(token, this.parser)
  },
  footnoteReference: footnoteReferenceHtml,
}

const BETWEEN_TAGS = />\n+(?=<(?!\/code>)|$)/g

/** Tokens as HTML, to be sanitized. */
export function html(tokens: readonly Token[]): string {
  const parser = new Parser({
    ...getDefaults(),
    renderer: new ChatRenderer(),
    extensions: { renderers, childTokens: {} } as never,
  })
  // White space between blocks would be nodes that nobody sees.
  return parser.parse([...tokens]).replace(BETWEEN_TAGS, '>')
}
