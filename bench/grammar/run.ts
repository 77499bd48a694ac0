// How exact answers under a grammar are, and what they cost: many answers at temperature 1.5, each checked by ajv; then the cost of masks.
// npm run bench:grammar [-- ANSWERS [FIRST]]
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { constraintGrammar } from '../../src/grammar/answer-ebnf.ts'
import { loadEmbeddedModel } from '../../test/support/embedded-model.ts'
import { run } from '../../test/support/fake-chat.ts'
import { grammarsFor } from '../../test/support/grammars.ts'
import { nanbeigeTokenizer } from '../../test/support/nanbeige.ts'
import { validatorOf } from '../../test/support/schema-validator.ts'
import { median } from '../support/median.ts'
import { type GrammarCase, grammarCases } from './cases.ts'

const [answers = 1000, first = 0] = process.argv.slice(2).map(Number)
const MAX_TOKENS = 400
const NANBEIGE_EOS = 166101
const NANBEIGE_VOCABULARY = 166144

const cases = grammarCases()
const chat = await loadEmbeddedModel()
const started = performance.now()
await answer(chat, cases[0], 0)
console.log(
  `${cases.length} schemas; the first answer, which loads XGrammar, took ${Math.round(performance.now() - started)} ms`,
)

const counts = { valid: 0, invalid: 0, cut: 0, tokens: 0 }
const validators = cases.map(({ schema }) => validatorOf(schema))
for (let seed = first; seed < first + answers; seed++) {
  const index = seed % cases.length
  const { text, finish } = await answer(chat, cases[index], seed)
  counts.tokens += finish!.usage.completionTokens
  if (finish!.reason === 'length') {
    counts.cut++
  } else if (validators[index](JSON.parse(text))) {
    counts.valid++
  } else {
    counts.invalid++
    console.log(`NOT VALID: ${cases[index].name}, seed ${seed}: ${text}`)
  }
  if ((seed - first) % 100 === 99) console.log(`${seed - first + 1} answers: ${JSON.stringify(counts)}`)
}
console.log(`answers: ${JSON.stringify(counts)}`)

await costs('SmolLM2, 49,152 tokens', chat)
const tokenizer = nanbeigeTokenizer()
await costs('Nanbeige, 166,144 tokens', {
  tokenizer,
  grammars: grammarsFor(tokenizer, [NANBEIGE_EOS], NANBEIGE_VOCABULARY),
})

async function answer(model: ChatModel, { schema, tool }: GrammarCase, seed: number) {
  const sampling = { temperature: 1.5, topP: 1, seed }
  const content = tool ? 'Use the function, please.' : 'Give me an example.'
  const request = tool
    ? { tools: [tool], toolChoice: 'required' as const, parallelToolCalls: false }
    : { constraint: { kind: 'schema' as const, schema, strict: true } }
  const said = await run(model, { messages: [{ role: 'user', content }], sampling, maxTokens: MAX_TOKENS, ...request })
  return { text: tool ? said.toolArguments : said.text, finish: said.finish }
}

/** Of the mask before every token of an answer that the schema allows, and of the grammars before the first. */
async function costs(name: string, { tokenizer, grammars }: Pick<ChatModel, 'tokenizer' | 'grammars'>): Promise<void> {
  const opened = performance.now()
  await grammars.compile({ ebnf: 'root ::= "a"' })
  const open = performance.now() - opened
  const compile: number[] = []
  const masks: number[] = []
  for (const { schema } of cases) {
    const begun = performance.now()
    const grammar = await grammars
      .compile(constraintGrammar({ kind: 'schema', schema, strict: true }))
      .catch(() => undefined)
    if (!grammar) continue
    compile.push(performance.now() - begun)
    const matcher = grammar.matcher()
    for (const id of tokenizer.encode('{"city": "San Francisco", "unit": "celsius", "days": 12}')) {
      const asked = performance.now()
      matcher.allowed()
      masks.push(performance.now() - asked)
      if (!matcher.accept(id)) break
    }
    matcher.dispose()
    grammar.dispose()
  }
  const ms = (values: number[]) =>
    `median ${median(values).toFixed(2)} ms, mean ${(values.reduce((a, b) => a + b) / values.length).toFixed(2)}, most ${Math.max(...values).toFixed(1)}`
  console.log(`${name}: loading ${open.toFixed(0)} ms; a grammar ${ms(compile)}; a mask ${ms(masks)} (${masks.length})`)
}
