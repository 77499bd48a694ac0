import { type AssetFetcher, assetsStore } from '../../src/weights/assets-store.ts'
import { loadTensors, readSpan } from '../../src/weights/load-tensors.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { sha256Hex } from '../../src/weights/sha256.ts'
import { WeightsError } from '../../src/weights/weights-error.ts'

interface Env {
  readonly ASSETS: AssetFetcher
}

/** Loads a pack from /PACK into a Wasm memory; answers with the sha256 of each tensor, or the code of an error. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, pack, only] = new URL(request.url).pathname.split('/')
    const store = assetsStore(env.ASSETS, pack)
    try {
      const manifest = parseManifest(await store.manifest(), pack)
      const tensors = manifest.tensors.filter(({ name }) => only === undefined || name === only)
      const pages = Math.ceil(manifest.shards.reduce((sum, { bytes }) => sum + bytes + 65536, 0) / 65536)
      const memory = new WebAssembly.Memory({ initial: pages })
      const places = new Map<string, Uint8Array>()
      let next = 0
      await loadTensors(store, { tensors }, ({ name }, bytes) => {
        const into = new Uint8Array(memory.buffer, next, bytes)
        next += bytes
        places.set(name, into)
        return into
      })
      const tokenizer = await readSpan(store, manifest.tokenizer)
      const sums = [...places].map(async ([name, bytes]) => [name, await sha256Hex(bytes)])
      return Response.json({ tokenizer: tokenizer.length, tensors: Object.fromEntries(await Promise.all(sums)) })
    } catch (error) {
      if (!(error instanceof WeightsError)) throw error
      return Response.json({ code: error.code, message: error.message }, { status: 500 })
    }
  },
}
