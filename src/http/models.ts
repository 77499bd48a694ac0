import { Hono } from 'hono'
import type { ChatModel } from '../chat/chat-model.ts'
import { echo } from '../echo.ts'
import { routeWish } from '../route/wish.ts'
import { ApiError } from './errors.ts'

/** Rejects with an ApiError of status 503. */
export type LoadModel = () => Promise<ChatModel>

/** `name`: without the suffix of a route. Throws the 404 of OpenAI's API. */
export function checkModelName(chat: ChatModel, name: string): void {
  if (name === chat.id) return
  throw new ApiError(
    404,
    'model_not_found',
    `The model '${echo(name)}' does not exist here. This server has '${chat.id}'.`,
    {
      param: 'model',
    },
  )
}

/** GET /models and /models/:id; ids may contain slashes, and end in a route. */
export function models(loadModel: LoadModel) {
  return new Hono()
    .get('/models', async (c) => c.json({ object: 'list', data: [modelObject(await loadModel())] }))
    .get('/models/:id{.+}', async (c) => {
      const chat = await loadModel()
      const id = c.req.param('id')
      checkModelName(chat, routeWish(id, null).model)
      return c.json({ ...modelObject(chat), id })
    })
}

function modelObject({ id, created }: ChatModel) {
  return { id, object: 'model', created, owned_by: 'nanbeige-edge' }
}
