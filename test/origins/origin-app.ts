import type { ChatModel } from '../../src/chat/chat-model.ts'
import type { LanguageModel } from '../../src/generate/language-model.ts'
import { GenerationQueue } from '../../src/generate/queue.ts'
import { createApp } from '../../src/http/app.ts'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { EdgeService } from '../../src/route/open-service.ts'
import { ASSISTANT_HEADER, ByteTokenizer, EOS_ID, fakeChat, type Script } from '../support/fake-model.ts'
import { type FakeOrigin, type FakeOriginOptions, startFakeOrigin } from './fake-origin.ts'

const tokenizer = new ByteTokenizer()

/** The token after these ids, from what a script says: that of FakeModel, for an origin. */
export function scripted(script: string | Script): (ids: readonly number[]) => number {
  const header = tokenizer.encode(ASSISTANT_HEADER)
  const text = (ids: readonly number[]) =>
    new TextDecoder().decode(Uint8Array.from(ids.flatMap((id) => [...tokenizer.bytes(id)])))
  return (ids) => {
    const start = ids.lastIndexOf(header[0]) + header.length
    const whole = typeof script === 'string' ? script : script(text(ids.slice(0, start)), text(ids.slice(start)))
    return tokenizer.encode(whole)[ids.length - start] ?? EOS_ID
  }
}

export function startScriptedOrigin(
  script: string | Script,
  options: Partial<FakeOriginOptions> & { kind?: OriginKind } = {},
): Promise<FakeOrigin> {
  return startFakeOrigin({ kind: 'vllm', model: 'm', tokenizer, next: scripted(script), eosId: EOS_ID, ...options })
}

export interface OriginAppOptions {
  readonly model: LanguageModel
  /** What chats with the model; left out: a fake. */
  readonly chat?: ChatModel
  /** As in the variable ORIGINS; what is left out is a vLLM with the model 'm'. */
  readonly origins: readonly object[]
  /** Other variables and secrets. */
  readonly env?: Record<string, unknown>
  readonly queue?: GenerationQueue
}

/** The app as the Worker makes it of its variables. */
export function originApp(options: OriginAppOptions) {
  const { model, chat = fakeChat(model), origins, env = {}, queue = new GenerationQueue() } = options
  const list = origins.map((origin, index) => ({ name: `origin-${index}`, kind: 'vllm', model: 'm', ...origin }))
  const service = new EdgeService({ ORIGINS: JSON.stringify(list), ...env }, queue)
  return createApp({
    model: async () => chat,
    health: () => ({ status: 'ok', ...service.health() }),
    service: (chat) => service.open(chat.tokenizer),
  })
}
