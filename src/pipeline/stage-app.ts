import { Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { WeightsError } from '../weights/weights-error.ts'
import { HeadSlice } from './head-slice.ts'
import { LayersStage } from './layers-stage.ts'
import { PipelineError } from './pipeline-error.ts'
import { bytesOf, decodeQuery, type StageFailure } from './stage-protocol.ts'

const STATUS: Record<string, ContentfulStatusCode> = { session_lost: 409, no_kv_cache: 429 }

export interface StageHost {
  /** The stage, loaded at the first call; a failed load is tried again by the next. */
  load(): Promise<LayersStage | HeadSlice>
  /** The stage, if it is loaded. */
  loaded(): LayersStage | HeadSlice | undefined
}

/** A stage behind the protocol of stage-protocol.ts. */
export function createStageApp(host: StageHost) {
  const app = new Hono()
  app.post('/load', async (c) => {
    await host.load()
    return c.json({})
  })
  app.post('/sessions/:id/forward', async (c) => {
    const stage = await host.load()
    if (!(stage instanceof LayersStage)) throw new PipelineError('plan_mismatch', 'a slice of the head has no layers')
    const hidden = stage.forward(
      c.req.param('id'),
      Number(c.req.query('position')),
      new Float32Array(await c.req.arrayBuffer()),
      c.req.query('keep') === 'last' ? 'last' : 'all',
    )
    return c.body(bytesOf(hidden))
  })
  app.delete('/sessions/:id', (c) => {
    const stage = host.loaded()
    if (stage instanceof LayersStage) stage.release(c.req.param('id'))
    return c.json({})
  })
  app.post('/distribution', async (c) => {
    const stage = await host.load()
    if (!(stage instanceof HeadSlice)) throw new PipelineError('plan_mismatch', 'layers have no vocabulary')
    const { query, hidden } = decodeQuery(await c.req.arrayBuffer())
    return c.json(stage.answer(hidden, query))
  })
  app.onError((error, c) => {
    if (error instanceof PipelineError) return c.json(failure(error), STATUS[error.code] ?? 500)
    if (error instanceof WeightsError) return c.json(failure(error), 503)
    console.error(error)
    return c.json({ code: 'stage_failed', message: String(error) } satisfies StageFailure, 500)
  })
  return app
}

function failure({ code, message }: PipelineError | WeightsError): StageFailure {
  return { code, message }
}
