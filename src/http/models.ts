import { Hono } from 'hono'
import type { ChatModel } from '../chat/chat-model.ts'
import { echo } from '../echo.ts'
import { type ChatService, contextLengthOf } from '../route/service.ts'
import { routeWish } from '../route/wish.ts'
import type { Answers } from './answers.ts'
import { ApiError } from './errors.ts'

/** Rejects with an ApiError of status 503. */
export type LoadModel = () => Promise<ChatModel>

/** `name`: in any case, with the suffix of a route, or left out. Throws the 404 of OpenAI's API. */
export function checkModelName(chat: ChatModel, name: string | null | undefined): void {
  if (name == null) return
  const { model } = routeWish(name, null)
  if (model.toLowerCase() === chat.id.toLowerCase()) return
  throw new ApiError(
    404,
    'model_not_found',
    `The model '${echo(model)}' does not exist here. This server has '${chat.id}'.`,
    {
      param: 'model',
    },
  )
}

/** GET /models and /models/:id; ids may contain slashes, and end in a route. */
export function models({ loadModel, loadService }: Pick<Answers, 'loadModel' | 'loadService'>) {
  const modelObject = async (chat: ChatModel) => describe(chat, await loadService(chat))
  return new Hono()
    .get('/models', async (c) => c.json({ object: 'list', data: [await modelObject(await loadModel())] }))
    .get('/models/:id{.+}', async (c) => {
      const chat = await loadModel()
      const id = c.req.param('id')
      checkModelName(chat, id)
      return c.json({ ...(await modelObject(chat)), id })
    })
}

/** With the fields that vLLM adds, and what the model can, by the names of Mistral's API. */
function describe({ id, created, language, tags }: ChatModel, service: ChatService) {
  return {
    id,
    object: 'model',
    created,
    owned_by: 'nanbeige-edge',
    root: id,
    parent: null,
    max_model_len: contextLengthOf(language, service),
    capabilities: {
      completion_chat: true,
      completion: true,
      function_calling: true,
      reasoning: [...tags.values()].includes('<think>'),
      structured_output: true,
      vision: false,
    },
  }
}
