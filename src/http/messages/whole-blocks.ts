import type { AnswerBlock, BlockEvent } from './answer-blocks.ts'

/** The blocks of a whole message, joined from their events. */
export class WholeBlocks {
  readonly blocks: AnswerBlock[] = []
  #json = ''

  add(event: BlockEvent): void {
    if (event.type === 'content_block_start') {
      this.blocks.push({ ...event.content_block })
      this.#json = ''
      return
    }
    const block = this.blocks[event.index]
    if (event.type === 'content_block_stop') {
      if (block.type === 'tool_use') block.input = inputOf(this.#json)
      return
    }
    const { delta } = event
    if (block.type === 'text' && delta.type === 'text_delta') block.text += delta.text
    if (block.type === 'thinking' && delta.type === 'thinking_delta') block.thinking += delta.thinking
    if (block.type === 'thinking' && delta.type === 'signature_delta') block.signature = delta.signature
    if (delta.type === 'input_json_delta') this.#json += delta.partial_json
  }
}

/** An object in any case, as in Anthropic's API: that of a call which the limit has cut is empty. */
function inputOf(json: string): unknown {
  try {
    return JSON.parse(json, exactNumber as never)
  } catch {
    return {}
  }
}

/** A number that JavaScript would round goes out as the model wrote it. */
function exactNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && String(value) !== source ? (JSON as unknown as RawJson).rawJSON(source!) : value
}

/** What TypeScript does not know yet of ECMAScript's JSON. */
interface RawJson {
  rawJSON(text: string): object
}
