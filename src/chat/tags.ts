import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** What marks the parts of an answer in Nanbeige's template, and in those of Qwen and DeepSeek. */
const PAIRS = [
  ['<think>', '</think>'],
  ['<tool_call>', '</tool_call>'],
] as const

export type Tag = (typeof PAIRS)[number][number]

/** The tags that are tokens of their own, by id. */
export type Tags = ReadonlyMap<number, Tag>

/** The tags that a model can write: none where its tokenizer has no such tokens, so that its whole answer is content. */
export function answerTags(tokenizer: Tokenizer): Tags {
  const pairs = PAIRS.map((pair) => pair.map((tag) => [tokenizer.addedToken(tag), tag] as const))
  return new Map(pairs.filter((pair) => pair.every(hasId)).flat() as [number, Tag][])
}

function hasId([id]: readonly [number | undefined, Tag]): boolean {
  return id !== undefined
}

/** The tags of tool calls that a model has no tokens for: where there are tools it is told to spell them. */
export function spelledCallTags(tags: Tags): readonly Tag[] {
  return idOf(tags, '<tool_call>') === undefined ? ['<tool_call>', '</tool_call>'] : []
}

/** undefined: the model has no such tag. */
export function idOf(tags: Tags, tag: Tag): number | undefined {
  for (const [id, text] of tags) if (text === tag) return id
  return undefined
}

/** The tags that count where no tool is offered: a call of nothing is text. */
export function withoutToolCalls(tags: Tags): Tags {
  return new Map([...tags].filter(([, tag]) => tag === '<think>' || tag === '</think>'))
}

/**
 * Whether a prompt ends inside reasoning, as some templates have it: its last tag is <think>, with nothing but white space behind. A
 * message that mentions the tag has at least the token behind it that ends a turn. @param goesOn its last message does, so that there may be text.
 */
export function endsInReasoning(
  promptIds: readonly number[],
  tags: Tags,
  tokenizer: Tokenizer,
  goesOn = false,
): boolean {
  const last = promptIds.findLastIndex((id) => tags.has(id))
  return last >= 0 && tags.get(promptIds[last]) === '<think>' && (goesOn || promptIds.slice(last + 1).every(isSpace))

  function isSpace(id: number): boolean {
    const bytes = tokenizer.bytes(id)
    return bytes.length > 0 && bytes.every((byte) => byte === 0x20 || byte === 0x0a)
  }
}
