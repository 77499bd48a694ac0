import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { ROUTER_FOLDER, stageFolder } from '../../src/deploy/wrangler-configs.ts'
import { kernelModules } from '../../src/pack/kernel-modules.ts'
import { loadPipeline } from '../../src/pipeline/load-pipeline.ts'
import type { PipelineModel } from '../../src/pipeline/pipeline-model.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { loadEmbeddedModel } from '../support/embedded-model.ts'
import { type EmbeddedPipeline, embeddedPipeline } from './embedded-pipeline.ts'
import { LocalStage } from './local-stage.ts'

let pack: EmbeddedPipeline
let pipeline: PipelineModel
let whole: ChatModel

beforeAll(async () => {
  pack = await embeddedPipeline(1)
  const modules = await kernelModules()
  const store = (folder: string) => folderStore(join(pack.out, folder, 'assets/weights', pack.plan.name))
  const stages = pack.plan.stages.map((_, i) => new LocalStage(store(stageFolder(i)), pack.plan, i, modules))
  const router = store(ROUTER_FOLDER)
  pipeline = await loadPipeline(
    router,
    parseManifest(await router.manifest(), pack.plan.name),
    pack.plan,
    stages,
    modules,
  )
  whole = await loadEmbeddedModel()
})
afterAll(() => pack?.remove())

// Chunks of a prompt, whole and ragged, and then single tokens.
it.for([1, 33, 70])(
  'the logits of a pipeline are those of one isolate, bit for bit, behind %i tokens',
  async (length) => {
    const { signal } = new AbortController()
    const ids = whole.tokenizer.encode(
      'The sea is salty, since rivers bring it what they wash out of stones. '.repeat(20),
    )
    const [one, many] = [whole.language.createSequence(), pipeline.createSequence()]
    for (const tokens of [ids.slice(0, length), ids.slice(length, length + 1), ids.slice(length + 1, length + 2)]) {
      await whole.language.forward(one, tokens, signal)
      await pipeline.forward(many, tokens, signal)
      const query = { adjustments: [{ id: tokens[0], scale: 1, add: -2 }], temperature: 0.8, rawTop: 20 }
      const [expected, merged] = [
        await whole.language.distribution(one, query),
        await pipeline.distribution(many, query),
      ]
      expect(await merged.top(500)).toEqual(await expected.top(500))
      expect(merged.rawTop(20)).toEqual(expected.rawTop(20))
      expect(merged.logSumExp).toBeCloseTo(expected.logSumExp, 5)
    }
    one.release()
    many.release()
  },
)
