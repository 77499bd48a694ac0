import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { heapUsage } from '../../bench/support/heap.ts'
import { planStages } from '../../src/deploy/plan.ts'
import { ISOLATE_BYTES, MAX_STAGE_MIB, MIB, XGRAMMAR_BYTES } from '../../src/deploy/platform-limits.ts'
import { writePipeline } from '../../src/deploy/write-scripts.ts'
import { Arena, memorySize } from '../../src/model/arena.ts'
import { instantiateKernels } from '../../src/model/kernels.ts'
import { CHUNK_LENGTH, loadModel } from '../../src/model/load.ts'
import { kernelModules } from '../../src/pack/kernel-modules.ts'
import { packModel } from '../../src/pack/pack-model.ts'
import { EMBEDDING_CACHE_BYTES } from '../../src/pipeline/embedding-pages.ts'
import type { Plan } from '../../src/pipeline/stage-plan.ts'
import { startPipeline } from '../../src/serve/start-pipeline.ts'
import { type RunningWorker, startWorker } from '../../src/serve/start-worker.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { nanbeigeConfig } from '../support/model-shape.ts'
import {
  NANBEIGE_TOKENIZER_CONFIG,
  nanbeigeJson,
  nanbeigeTemplateText,
  nanbeigeTokenizerJson,
} from '../support/nanbeige.ts'
import { zeroTensor } from '../support/safetensors.ts'
import { tinyCheckpointTensors, writeCheckpoint } from '../support/tiny-checkpoint.ts'
import { streamed } from './completion.ts'
import { freePorts } from './workerd-process.ts'

const { vocabSize } = nanbeigeConfig
const CONTEXT = 4096
const SESSIONS = 2
/** Wasm memory in the pipeline of the real model: a full stage, and the router's pages of the embedding. */
const STAGE_BYTES = MAX_STAGE_MIB * MIB
const ROUTER_BYTES = memorySize(EMBEDDING_CACHE_BYTES + nanbeigeConfig.hiddenSize * 4) + XGRAMMAR_BYTES

// The release's tokenizer and template over a tiny model: it is they that fill the router's heap.
describe('isolates of a model with the vocabulary of Nanbeige', () => {
  let root: string
  let plan: Plan
  let pipeline: RunningWorker
  let inspector: URL

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'pipeline-memory-'))
    plan = await writeScripts(root)
    const [inspectorPort] = await freePorts(1)
    inspector = new URL(`ws://127.0.0.1:${inspectorPort}`)
    pipeline = await startPipeline({ out: join(root, 'deploy'), port: 0, inspectorPort })
  })
  afterAll(async () => {
    await pipeline?.stop()
    await rm(root, { recursive: true })
  })

  it('stay under what an isolate may have, with all sessions at full context', async () => {
    const question = { content: 'Why is the sky blue? '.repeat(660), max_tokens: CONTEXT, temperature: 0 }
    const answers = Array.from({ length: SESSIONS }, () => streamed(pipeline.url, question))
    for (const { finish, completionTokens } of await Promise.all(answers)) {
      expect(finish).toBe('length')
      // The rest of the context is the prompt.
      expect(completionTokens).toBeLessThan(CONTEXT / 8)
    }
    // And answers held to grammars, which are compiled in the router.
    for (const maximum of [7, 1234]) {
      const schema = { type: 'object', properties: { name: { type: 'string' }, age: { type: 'integer', maximum } } }
      const constrained = {
        content: 'Who?',
        max_tokens: 8,
        // Random weights make every token about as likely: to draw one, all of the vocabulary would be asked for.
        temperature: 0,
        response_format: { type: 'json_schema', json_schema: { schema } },
      }
      expect((await streamed(pipeline.url, constrained)).completionTokens).toBeGreaterThan(0)
    }
    const usages = await heapUsage(inspector)
    expect(usages.size).toBe(plan.stages.length + 1)
    for (const [name, { heapBytes, bufferBytes }] of usages) {
      const wasmBytes = /-stage-\d+$/.test(name) ? STAGE_BYTES : ROUTER_BYTES
      expect(heapBytes + bufferBytes + wasmBytes, name).toBeLessThan(ISOLATE_BYTES)
    }
  })
})

// `wrangler deploy` of the repository as it is, with the context that deploy/README.md advises.
it('the embedded model stays under it in one isolate', async () => {
  const readme = await readFile('deploy/README.md', 'utf8')
  const CONTEXT_LENGTH = Number(readme.match(/`CONTEXT_LENGTH = (\d+)`/)![1])
  const [inspectorPort] = await freePorts(1)
  const worker = await startWorker({ port: 0, vars: { CONTEXT_LENGTH }, inspectorPort })
  try {
    const question = { content: 'Why is the sky blue? '.repeat(60), max_tokens: CONTEXT_LENGTH, temperature: 0 }
    expect((await streamed(worker.url, question)).finish).toBe('length')
    const [{ heapBytes, bufferBytes }] = (await heapUsage(new URL(`ws://127.0.0.1:${inspectorPort}`))).values()
    const wasmBytes = await embeddedModelBytes(CONTEXT_LENGTH)
    expect(heapBytes + bufferBytes + wasmBytes).toBeLessThan(ISOLATE_BYTES)
  } finally {
    await worker.stop()
  }
})

/** Wasm memory of the model in one piece. */
async function embeddedModelBytes(contextLength: number): Promise<number> {
  const store = folderStore('weights/smollm2-135m-instruct')
  const allocate = vi.spyOn(Arena.prototype, 'allocate')
  const manifest = parseManifest(await store.manifest(), 'manifest.json')
  await loadModel(store, manifest, await kernelModules(), { contextLength, sequences: 1 })
  const [arena] = allocate.mock.contexts as Arena[]
  allocate.mockRestore()
  return arena.memory.buffer.byteLength
}

async function writeScripts(root: string): Promise<Plan> {
  const { 'lm_head.weight': _, ...tensors } = tinyCheckpointTensors()
  const embedding = tensors['model.embed_tokens.weight']
  await writeCheckpoint(join(root, 'checkpoint'), {
    config: { vocab_size: vocabSize, max_position_embeddings: CONTEXT, tie_word_embeddings: true },
    tensors: { ...tensors, 'model.embed_tokens.weight': zeroTensor('BF16', [vocabSize, embedding.shape[1]]) },
    files: {
      'tokenizer.json': nanbeigeTokenizerJson(),
      'tokenizer_config.json': nanbeigeJson(NANBEIGE_TOKENIZER_CONFIG),
      'chat_template.jinja': nanbeigeTemplateText(),
    },
  })
  const pack = join(root, 'pack')
  const manifest = await packModel(join(root, 'checkpoint'), pack, {
    ...{ name: 'tiny', planes: { embedding: 4 }, groupSize: 32 },
  })
  const sizes = await instantiateKernels(await kernelModules(), new Arena(0).memory)
  const limits = { contextLength: CONTEXT, sessions: SESSIONS, chunkLength: CHUNK_LENGTH }
  const plan = planStages(sizes, manifest, { ...limits, ceilingBytes: STAGE_BYTES })
  await writePipeline(folderStore(pack), manifest, plan, join(root, 'deploy'), () => {})
  return plan
}
