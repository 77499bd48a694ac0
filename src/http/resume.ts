import { Hono } from 'hono'
import { echo } from '../echo.ts'
import { ApiError, cancelled } from './errors.ts'
import type { Recordings } from './recordings.ts'
import { sendEvents } from './sse.ts'

/** GET /chat/completions/:id/events, POST /chat/completions/:id/cancel and …/answer, of completions that are streamed. */
export function resume(recordings: Recordings) {
  return new Hono()
    .get('/chat/completions/:id/events', (c) => {
      const recording = recordings.get(c.req.param('id'))
      const position = positionAfter(recording.id, c.req.header('Last-Event-ID'))
      recording.check(position)
      return sendEvents(c, recording, position)
    })
    .post('/chat/completions/:id/cancel', (c) => {
      const recording = recordings.get(c.req.param('id'))
      return c.json({ id: recording.id, cancelled: recording.cancel(cancelled()) })
    })
    .post('/chat/completions/:id/answer', (c) => {
      const recording = recordings.get(c.req.param('id'))
      return c.json({ id: recording.id, answering: recording.answerNow() })
    })
}

/** Without a Last-Event-ID the client has read nothing yet. */
function positionAfter(id: string, lastEventId: string | undefined): number {
  if (!lastEventId) return 0
  const [, ofId, position] = /^(.*):(\d+)$/.exec(lastEventId) ?? []
  if (ofId === id) return Number(position) + 1
  throw new ApiError(
    400,
    'invalid_event_id',
    `'${echo(lastEventId)}' is no id of an event of ${id}: send '${id}:<number>'.`,
  )
}
