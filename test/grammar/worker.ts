import { has } from '../../src/generate/token-mask.ts'
import { GrammarError } from '../../src/grammar/grammar-error.ts'
import { Grammars } from '../../src/grammar/grammars.ts'

const xgrammar = async () => (await import('../../dist/xgrammar.wasm')).default
const EOS = 256
const bytes = Array.from({ length: EOS + 1 }, (_, byte) => (byte === EOS ? new Uint8Array() : Uint8Array.of(byte)))
const grammars = new Grammars(xgrammar, EOS + 1, () => ({ bytes, eosIds: [EOS] }))

/** Answers with the bytes, or 256 for the end, that a grammar goes on with behind a text. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { ebnf, text } = (await request.json()) as { ebnf: string; text: string }
    try {
      const grammar = await grammars.compile({ ebnf })
      const matcher = grammar.matcher()
      const accepted = matcher.acceptText(text)
      const mask = matcher.allowed()
      matcher.dispose()
      grammar.dispose()
      return Response.json({ accepted, next: [...bytes.keys()].filter((id) => has(mask, id)) })
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error
      return Response.json({ code: error.code, message: error.message })
    }
  },
}
