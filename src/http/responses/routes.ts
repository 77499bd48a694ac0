import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Answers } from '../answers.ts'
import { invalidBody } from '../errors.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { nothingHere } from '../nothing-here.ts'
import { Recording } from '../recording.ts'
import { sendEvents } from '../sse.ts'
import { createResponse, EVENTS } from './create.ts'
import { inputItemsPage, pageQuery } from './input-items.ts'
import { countInputTokens } from './input-tokens.ts'
import { Responses } from './responses.ts'
import type { ResponseStore } from './store.ts'

/** The query of GET /responses/:id. */
export const retrieveQuery = z.object({
  stream: z.stringbool().default(false),
  starting_after: z.coerce.number().int().min(-1).default(-1),
})

/** The Responses API: /responses and all below it. @param store where responses are kept; undefined: nowhere. */
export function responsesApi(answers: Answers, store: ResponseStore | undefined) {
  const responses = new Responses(store)
  return (
    new Hono()
      .post('/', (c) => createResponse(c, answers, responses))
      .post('/input_tokens', (c) => countInputTokens(c, answers, responses))
      .all('/input_tokens', methodNotAllowed('POST'))
      // A response with this id would answer for it.
      .all('/compact', nothingHere)
      .get('/:id', async (c) => {
        const id = c.req.param('id')
        const { stream, starting_after } = query(c, retrieveQuery)
        if (!stream) return c.json(responses.object(id))
        const recording = await recordingOf(answers, responses, id)
        // An event's sequence number is its position.
        recording.check(starting_after + 1)
        return sendEvents(c, recording, starting_after + 1)
      })
      .delete('/:id', async (c) => {
        const id = c.req.param('id')
        await responses.delete(id)
        return c.json({ id, object: 'response', deleted: true })
      })
      .post('/:id/cancel', async (c) => c.json(await responses.cancel(c.req.param('id'))))
      .get('/:id/input_items', (c) => {
        const input = responses.input(c.req.param('id'))
        return c.json(inputItemsPage(input, query(c, pageQuery)))
      })
      .all('/', methodNotAllowed('POST'))
      .all('/:id', methodNotAllowed('GET, DELETE'))
      .all('/:id/cancel', methodNotAllowed('POST'))
      .all('/:id/input_items', methodNotAllowed('GET'))
  )
}

/** What its stream records, while it goes on or is not kept otherwise; else its events are told anew. */
async function recordingOf({ recordings }: Answers, responses: Responses, id: string): Promise<Recording> {
  const recording = recordings.find(id)
  if (recording && (!recording.ended || !responses.store?.has(id))) return recording
  const told = { cancel: () => {}, answerNow: () => false }
  const replay = new Recording(id, told, { resumable: false, maxCharacters: () => Infinity, dialect: EVENTS })
  await replay.record(responses.events(id))
  return replay
}

/** Throws an ApiError of status 400. */
function query<Schema extends z.ZodType>(c: Context, schema: Schema): z.output<Schema> {
  const { success, data, error } = schema.safeParse(c.req.query())
  if (!success) throw invalidBody(error.issues)
  return data
}
