import { Hono } from 'hono'
import { echo } from '../echo.ts'
import { ApiError } from './errors.ts'

/** What OpenAI's API, and those like it, have beside text, by the paths below /v1. */
const ABSENT: Readonly<Record<string, string>> = {
  embeddings: 'makes no embeddings',
  audio: 'neither hears nor speaks',
  images: 'makes no images',
  videos: 'makes no videos',
  moderations: 'has no model that moderates',
  batches: 'has no batches: send the requests one by one',
  files: 'keeps no files',
  uploads: 'keeps no files',
  fine_tuning: 'does not train models',
  rerank: 'has no model that ranks',
  score: 'has no model that ranks',
  classify: 'has no model that classifies',
  assistants: 'has no assistants',
  threads: 'has no assistants',
  vector_stores: 'keeps no vectors',
  realtime: 'has no realtime sessions',
}

/** Refuses by name what a client may look for. A 404, since SDKs send again what gets a 501. */
export function absent() {
  const app = new Hono()
  for (const [name, problem] of Object.entries(ABSENT)) {
    app.all(`/${name}/*`, (c) => {
      throw new ApiError(
        404,
        'unsupported_endpoint',
        `${echo(c.req.path)} is not here: this server writes text, and ${problem}. GET /v1/models tells what it has.`,
      )
    })
  }
  return app
}
