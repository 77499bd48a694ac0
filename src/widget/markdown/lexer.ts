import { getDefaults, Hooks, Lexer, type MarkedOptions, type Token, Tokenizer, type Tokens } from 'marked'
import { cjkEmphasis } from './cjk-emphasis.ts'
import type { Definitions } from './definitions.ts'
import { type Footnotes, footnoteStart } from './footnotes.ts'
import { blockMath, blockMathStart, inlineMath, maskMath } from './math.ts'

/** An underline of --- makes a heading of one line that has no more characters: below others models mean a rule. */
const MAX_UNDERLINED = 200

/** The HTML that Markdown has no words for. All else that a model writes is text about HTML, and shown as it stands. */
const TAG = /^<(?:br ?\/?|\/?(?:sub|sup|kbd))>/i

class ChatTokenizer extends Tokenizer {
  override html(): undefined {}

  override tag(source: string): Tokens.Tag | undefined {
    const [raw] = TAG.exec(source) ?? []
    return raw ? { type: 'html', raw, text: raw, inLink: false, inRawBlock: false, block: false } : undefined
  }

  // 5~10 分钟 is a range.
  override del(source: string, masked: string, before: string): Tokens.Del | undefined {
    return source.startsWith('~~') ? super.del(source, masked, before) : undefined
  }

  override lheading(source: string): Tokens.Heading | undefined {
    const { type } = this.lexer.state.lastToken ?? {}
    if (type === 'paragraph' || type === 'text') return undefined
    const heading = super.lheading(source)
    return heading && heading.text.length <= MAX_UNDERLINED && !heading.text.includes('\n') ? heading : undefined
  }
}

class ChatHooks extends Hooks {
  override emStrongMask(masked: string): string {
    return maskMath(masked)
  }
}

export interface Lexed {
  readonly tokens: Token[]
  /** Inline texts that stand for themselves, in the order of the source; lexed by `finish`. */
  readonly inline: { src: string; tokens: Token[] }[]
  finish(): Token[]
}

/** The blocks of a Markdown text, as models write it: GFM with formulas, notes, and emphasis in languages without spaces. */
export function lex(source: string, links: Definitions['links'], notes: Footnotes): Lexed {
  const tokenizer = new ChatTokenizer()
  const lexer = new Lexer({
    ...getDefaults(),
    breaks: true,
    tokenizer,
    hooks: new ChatHooks(),
    extensions: {
      block: [(source) => blockMath(source) ?? notes.definition(source, lexer)],
      inline: [(source) => inlineMath(source) ?? notes.reference(source)],
      startBlock: [blockMathStart, footnoteStart],
      startInline: [(source) => source.indexOf('$')],
      renderers: {},
      childTokens: {},
    } as MarkedOptions['extensions'],
  })
  tokenizer.rules = { ...tokenizer.rules, inline: { ...tokenizer.rules.inline, ...cjkEmphasis } }
  // A copy: of a definition that still grows, marked would keep the first half.
  lexer.tokens.links = Object.assign(Object.create(null), links)
  const tokens = lexer.blockTokens(source, [])
  return {
    tokens,
    inline: lexer.inlineQueue,
    finish() {
      for (const { src, tokens } of lexer.inlineQueue) lexer.inlineTokens(src, tokens)
      lexer.inlineQueue = []
      return tokens
    },
  }
}
