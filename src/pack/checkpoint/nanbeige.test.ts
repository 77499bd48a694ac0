import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  NANBEIGE_TOKENIZER_CONFIG,
  nanbeigeJson,
  nanbeigeTemplateText,
  nanbeigeTokenizerJson,
} from '../../../test/support/nanbeige.ts'
import { zeroTensor } from '../../../test/support/safetensors.ts'
import { writeCheckpoint } from '../../../test/support/tiny-checkpoint.ts'
import { loadTokenizer } from '../../tokenizer/load.ts'
import { folderStore } from '../../weights/folder-store.ts'
import { readSpan } from '../../weights/load-tensors.ts'
import { packModel } from '../pack-model.ts'

const [IM_START, IM_END] = [166100, 166101]
const VOCAB = 166144

// The release's own settings over the smallest layer that they fit: its weights are 7.9 GB.
const SMALL = {
  hidden_size: 32,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  num_key_value_heads: 1,
  head_dim: 32,
  tie_word_embeddings: true,
}

function tensors() {
  const matrix = (rows: number) => zeroTensor('BF16', [rows, 32])
  const layer = [
    ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => [`self_attn.${name}`, matrix(32)]),
    ...['gate_proj', 'up_proj', 'down_proj'].map((name) => [`mlp.${name}`, matrix(32)]),
    ...['input_layernorm', 'post_attention_layernorm'].map((name) => [name, zeroTensor('BF16', [32])]),
  ]
  return {
    'model.embed_tokens.weight': matrix(VOCAB),
    'model.norm.weight': zeroTensor('BF16', [32]),
    ...Object.fromEntries(layer.map(([name, tensor]) => [`model.layers.0.${name}.weight`, tensor])),
  }
}

describe('packModel of the Nanbeige releases', () => {
  let root: string
  let tokenizer: string
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'nanbeige-checkpoint-'))
    tokenizer = nanbeigeTokenizerJson()
  })
  afterAll(() => rm(root, { recursive: true }))

  async function pack(name: string, config: object, files: Readonly<Record<string, unknown>>) {
    const folder = join(root, name)
    await writeCheckpoint(folder, { config: { ...config, ...SMALL }, tensors: tensors(), files })
    const out = join(root, `${name}-pack`)
    return { out, manifest: await packModel(folder, out, { name, planes: { embedding: 2 }, groupSize: 32 }) }
  }

  it('has the thinking model begin, end and spell as its files say', async () => {
    const template = nanbeigeTemplateText()
    const { out, manifest } = await pack('thinking', nanbeigeJson('nanbeige4-3b-base.config.json'), {
      'tokenizer.json': tokenizer,
      // The excerpt was cut before its eos_token.
      'tokenizer_config.json': {
        ...nanbeigeJson(NANBEIGE_TOKENIZER_CONFIG),
        eos_token: '<|im_end|>',
      },
      'generation_config.json': { eos_token_id: IM_END, do_sample: true, temperature: 0.6, top_p: 0.95 },
      'chat_template.jinja': template,
    })
    expect(manifest.config).toMatchObject({ ropeTheta: 5e6, maxPositionEmbeddings: 32768, ropeLayout: 'half' })
    // config.json still has the base model's end, 2.
    expect(manifest.tokens.eos.toSorted((a, b) => a - b)).toEqual([2, IM_END])
    expect(manifest.tokens).toMatchObject({ bos: IM_START, addBos: true })
    expect(manifest.sampling).toEqual({ temperature: 0.6, topP: 0.95 })
    expect(manifest.chatTemplate).toBe(template)

    const packed = loadTokenizer(await readSpan(folderStore(out), manifest.tokenizer))
    const { strings } = nanbeigeJson('vectors.json')
    expect(strings.length).toBeGreaterThan(0)
    for (const { text, ids_slow_like } of strings) expect([text, packed.encode(text)]).toEqual([text, ids_slow_like])
  })

  it('takes 4.1 as its config.json has it', async () => {
    const { manifest } = await pack('4.1', nanbeigeJson('nanbeige4.1-3b.config.json'), { 'tokenizer.json': tokenizer })
    expect(manifest.config).toMatchObject({ ropeTheta: 7e7, maxPositionEmbeddings: 262144, vocabSize: VOCAB })
    expect(manifest.tokens).toMatchObject({ bos: IM_START, eos: [IM_END] })
  })

  it('refuses 4.2 by its name', async () => {
    await expect(pack('4.2', nanbeigeJson('nanbeige4.2-3b.config.json'), {})).rejects.toMatchObject({
      code: 'architecture_unsupported',
      message: expect.stringMatching(/NanbeigeForCausalLM \(Nanbeige4\.2.*Nanbeige4-3B-Thinking-2511/),
    })
  })
})
