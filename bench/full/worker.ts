import readModule from '../../dist/bench-read.wasm'
import plain from '../../dist/kernels.plain.wasm'
import relaxed from '../../dist/kernels.relaxed.wasm'
import type { EdgeModel } from '../../src/model/edge-model.ts'
import { loadModel } from '../../src/model/load.ts'
import { type AssetFetcher, assetsStore } from '../../src/weights/assets-store.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { prefill } from '../edge/model-workload.ts'
import { createdMemories } from './created-memories.ts'
import { ReadWorkload } from './read-workload.ts'
import { startingAt, touchCache } from './starting-at.ts'
import { tokenLines } from './token-lines.ts'

// What the benchmark times inside workerd. Its clock stands still while it computes, so the caller holds the watch.
let model: EdgeModel | undefined
let roofline: ReadWorkload | undefined
let wasmBytes = 0

export default {
  async fetch(request: Request, env: { ASSETS: AssetFetcher }): Promise<Response> {
    const body = (await request.json()) as never
    switch (new URL(request.url).pathname) {
      case '/load':
        model = await load(assetsStore(env.ASSETS, '/'), body)
        wasmBytes = createdMemories()
        return Response.json({})
      case '/memory':
        return Response.json({ wasmBytes })
      case '/touch-cache':
        await touchCache(model!)
        return Response.json({})
      case '/read':
        roofline ??= await ReadWorkload.create(readModule)
        return Response.json({ bytes: roofline.read() })
      case '/prefill':
        await prefill(model!, body)
        return Response.json({})
      case '/generate':
        return tokenLines(startingAt(model!, body), body)
      default:
        return new Response(null, { status: 404 })
    }
  },
}

async function load(
  store: ReturnType<typeof assetsStore>,
  { contextLength }: { readonly contextLength: number },
): Promise<EdgeModel> {
  const manifest = parseManifest(await store.manifest(), 'manifest.json')
  return loadModel(store, manifest, { relaxed, plain }, { contextLength, sequences: 1 })
}
