// Serves the Worker in workerd on http://localhost:8787, or the pipeline in the folder given, and loads the model before it says so.
// HOST and PORT are where it listens.
import type { AddressInfo } from 'node:net'
import './compile-cache.ts'
import { forward, localOrigin, readAddress } from './forward.ts'
import { startPipeline } from './start-pipeline.ts'
import { startWorker } from './start-worker.ts'

/** The name of the model, once it is loaded. */
async function load(url: string): Promise<string> {
  const response = await fetch(new URL('/v1/models', url))
  const { data, error } = (await response.json()) as { data: { id: string }[]; error?: { message: string } }
  if (error) throw new Error(error.message)
  return data[0].id
}

// What Miniflare and the bundle do on exit stops workerd and clears away; a signal alone would leave the bundle's folder behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(0))

try {
  const [out] = process.argv.slice(2)
  const { host, port } = readAddress(process.env)
  const workerPort = Promise.withResolvers<number>()
  // Before anything that takes long: a port that is taken is known at once.
  const server = await forward({ host, port }, workerPort.promise)
  const worker = await (out === undefined ? startWorker({ port: 0 }) : startPipeline({ out, port: 0 }))
  workerPort.resolve(Number(new URL(worker.url).port))
  const url = localOrigin({ host, port: (server.address() as AddressInfo).port })
  const started = performance.now()
  process.stdout.write('Loading the model … ')
  const model = await load(url)
  console.log(`${model} in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
  console.log(`Chat:  ${url}`)
  console.log(`API:   curl ${url}/v1/chat/completions -H 'Content-Type: application/json' \\`)
  console.log(
    `         -d '{"messages": [{"role": "user", "content": "Write a haiku about the sea."}], "stream": true}'`,
  )
  console.log('Stop with Ctrl-C.')
} catch (error) {
  console.error(`Cannot serve: ${(error as Error).message}`)
  process.exit(1)
}
