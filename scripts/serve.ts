// Serves the Worker in workerd on http://localhost:8787, or the pipeline in the folder given, and loads the model before it says so.
import { startPipeline } from './start-pipeline.ts'
import { startWorker } from './start-worker.ts'

const port = Number(process.env.PORT ?? 8787)
const [out] = process.argv.slice(2)
const worker = await (out === undefined ? startWorker({ port }) : startPipeline({ out, port }))
const started = performance.now()
process.stdout.write('Loading the model … ')
const response = await fetch(new URL('/v1/models', worker.url))
if (!response.ok) {
  console.error(`failed: ${await response.text()}`)
  await worker.stop()
  process.exit(1)
}
const { data } = (await response.json()) as { data: { id: string }[] }
console.log(`${data[0].id} in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
console.log(`Chat:  ${worker.url}`)
console.log(`API:   curl ${worker.url}/v1/chat/completions -H 'Content-Type: application/json' \\`)
console.log(`         -d '{"messages": [{"role": "user", "content": "Write a haiku about the sea."}], "stream": true}'`)
console.log('Stop with Ctrl-C.')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void worker.stop().then(() => process.exit(0)))
}
