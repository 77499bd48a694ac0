import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { floatTensor, safetensorsBytes, zeroTensor } from '../../../test/support/safetensors.ts'
import {
  type CheckpointParts,
  tinyCheckpointTensors,
  tinyConfig,
  writeCheckpoint,
} from '../../../test/support/tiny-checkpoint.ts'
import { toyByteFallback, toyByteLevel } from '../../../test/support/toy-tokenizers.ts'
import type { ModelSource } from '../model-source.ts'
import { TensorReader } from '../tensor-reader.ts'
import { readCheckpoint } from './source.ts'

let root: string
let folders = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'checkpoint-'))
})
afterAll(() => rm(root, { recursive: true }))

/** What is read of a checkpoint without its weights. */
async function opened(parts: CheckpointParts = {}): Promise<ModelSource> {
  const folder = join(root, String(folders++))
  await writeCheckpoint(folder, parts)
  return readCheckpoint(folder)
}

describe('configuration', () => {
  it('is what config.json says', async () => {
    expect((await opened()).config).toEqual({
      architecture: 'llama',
      hiddenSize: 64,
      intermediateSize: 96,
      layerCount: 2,
      headCount: 4,
      kvHeadCount: 2,
      headDim: 32,
      vocabSize: 304,
      ropeTheta: 5000000,
      ropeLayout: 'half',
      rmsNormEps: 1e-5,
      maxPositionEmbeddings: 256,
      tiedEmbedding: false,
    })
  })

  it('has the defaults of transformers', async () => {
    const tensors = tinyCheckpointTensors()
    for (const layer of [0, 1]) {
      const name = (part: string) => `model.layers.${layer}.self_attn.${part}_proj.weight`
      for (const part of ['q', 'k', 'v', 'o']) tensors[name(part)] = zeroTensor('BF16', [64, 64])
    }
    const absent = { head_dim: undefined, num_key_value_heads: undefined, rope_theta: undefined, hidden_act: undefined }
    const { config } = await opened({ tensors, config: absent })
    expect(config).toMatchObject({ headDim: 16, kvHeadCount: 4, ropeTheta: 10000, tiedEmbedding: false })
  })

  it('takes rope_theta from where transformers 5 writes it', async () => {
    const { config } = await opened({
      config: { rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 7e7 } },
    })
    expect(config.ropeTheta).toBe(7e7)
  })

  it('takes a tied head from config.json, whether or not it is stored a second time', async () => {
    const { 'lm_head.weight': head, ...tensors } = tinyCheckpointTensors()
    const config = { tie_word_embeddings: true }
    for (const stored of [tensors, { ...tensors, 'lm_head.weight': head }]) {
      const source = await opened({ config, tensors: stored })
      expect(source.config.tiedEmbedding).toBe(true)
      expect([...source.tensors.keys()]).not.toContain('head')
    }
  })

  const looped = { architectures: ['NanbeigeForCausalLM'], model_type: 'nanbeige', num_loops: 2 }
  it.each<[string, string, RegExp, Record<string, unknown>]>([
    ['Nanbeige4.2', 'architecture_unsupported', /NanbeigeForCausalLM \(Nanbeige4\.2.*Nanbeige4\.1-3B/, looped],
    ['another architecture', 'architecture_unsupported', /Qwen3ForCausalLM/, { architectures: ['Qwen3ForCausalLM'] }],
    ['scaled positions', 'architecture_unsupported', /rope_scaling.*yarn/, { rope_scaling: { rope_type: 'yarn' } }],
    ['scaled positions of old', 'architecture_unsupported', /linear/, { rope_scaling: { type: 'linear', factor: 2 } }],
    ['scaled positions without a type', 'architecture_unsupported', /unknown/, { rope_scaling: { factor: 2 } }],
    [
      'scaled positions of transformers 5',
      'architecture_unsupported',
      /llama3/,
      { rope_parameters: { rope_type: 'llama3', rope_theta: 1e4 } },
    ],
    [
      'partial rotation',
      'architecture_unsupported',
      /partial_rotary_factor/,
      { rope_parameters: { rope_type: 'default', rope_theta: 1e4, partial_rotary_factor: 0.5 } },
    ],
    ['biases of attention', 'architecture_unsupported', /attention_bias/, { attention_bias: true }],
    ['biases of the FFN', 'architecture_unsupported', /mlp_bias/, { mlp_bias: true }],
    [
      'a sliding window',
      'architecture_unsupported',
      /sliding window/,
      { architectures: ['Qwen2ForCausalLM'], use_sliding_window: true },
    ],
    [
      'a sliding window of transformers 5',
      'architecture_unsupported',
      /sliding window/,
      { architectures: ['Qwen2ForCausalLM'], layer_types: ['full_attention', 'sliding_attention'] },
    ],
    ['another activation', 'architecture_unsupported', /hidden_act gelu/, { hidden_act: 'gelu' }],
    ['a quantized release', 'architecture_unsupported', /bf16/, { quantization_config: { quant_method: 'awq' } }],
    [
      'linear scaling by 2',
      'architecture_unsupported',
      /linear/,
      { rope_parameters: { rope_type: 'linear', factor: 2 } },
    ],
    ['more layers than any model has', 'metadata_invalid', /layerCount 4294967295/, { num_hidden_layers: 2 ** 32 - 1 }],
    ['a vocabulary without end', 'metadata_invalid', /vocabSize/, { vocab_size: 2 ** 50 }],
    ['no heads', 'metadata_invalid', /num_attention_heads/, { num_attention_heads: 0 }],
    ['half a layer', 'metadata_invalid', /num_hidden_layers/, { num_hidden_layers: 1.5 }],
    ['no hidden_size', 'metadata_invalid', /hidden_size/, { hidden_size: undefined }],
    ['heads of a broken size', 'metadata_invalid', /head_dim/, { head_dim: undefined, num_attention_heads: 3 }],
  ])('refuses %s', async (_, code, message, config) => {
    await expect(opened({ config })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(new RegExp(`config\\.json.*${message.source}`)),
    })
  })

  it.each<[string, Record<string, unknown>]>([
    ['no architectures but the type of model', { architectures: null }],
    ['linear scaling by 1', { rope_scaling: { type: 'linear', factor: 1 } }],
    [
      'linear scaling by 1 of transformers 5',
      { rope_scaling: null, rope_parameters: { rope_type: 'linear', factor: 1 } },
    ],
    ['keys without a value', { hidden_act: null, attention_bias: null, mlp_bias: null, partial_rotary_factor: null }],
    ['the other name of silu', { hidden_act: 'swish' }],
  ])('takes %s, as transformers does', async (_, config) => {
    expect((await opened({ config })).config).toEqual((await opened()).config)
  })

  it('takes null as absent', async () => {
    const absent = { rope_theta: null, tie_word_embeddings: null, rope_parameters: null, eos_token_id: null }
    expect((await opened({ config: absent })).config).toMatchObject({ ropeTheta: 10000, tiedEmbedding: false })
    const files = {
      'generation_config.json': { temperature: null, eos_token_id: null, do_sample: null },
      'tokenizer_config.json': {
        bos_token: null,
        add_bos_token: null,
        chat_template: null,
        added_tokens_decoder: null,
      },
    }
    expect(await opened({ files })).toMatchObject({ sampling: {}, tokens: { bos: 1, eos: [2] } })
  })

  it('takes JSON as Python writes it: a byte order mark, NaN and Infinity where nobody reads', async () => {
    const text = JSON.stringify(tinyConfig).replace(/}$/, ', "a": NaN, "b": [-Infinity], "text": "\\"NaN: Infinity"}')
    const { config } = await opened({ files: { 'config.json': `\ufeff${text}` } })
    expect(config.ropeTheta).toBe(5000000)
    const theta = text.replace('"rope_theta":5000000', '"rope_theta":NaN')
    await expect(opened({ files: { 'config.json': theta } })).rejects.toMatchObject({
      code: 'metadata_invalid',
      message: expect.stringMatching(/config\.json, rope_theta/),
    })
  })

  it.each(['config.json', 'tokenizer.json', 'chat_template.jinja'])('refuses %s that is no UTF-8', async (file) => {
    await expect(opened({ files: { [file]: Uint8Array.of(0x22, 0xff, 0x22) } })).rejects.toMatchObject({
      code: 'checkpoint_damaged',
      message: expect.stringMatching(new RegExp(`${file}: not UTF-8; download it again$`)),
    })
  })

  it('refuses a folder in the place of a file', async () => {
    const folder = join(root, String(folders++))
    await writeCheckpoint(folder, { files: { 'generation_config.json': undefined } })
    await mkdir(join(folder, 'generation_config.json'))
    await expect(readCheckpoint(folder)).rejects.toMatchObject({ code: 'file_missing' })
  })

  it('says which file is missing or damaged', async () => {
    const damaged = { code: 'checkpoint_damaged', message: expect.stringMatching(/config\.json: not JSON.*again/) }
    await expect(opened({ files: { 'config.json': '{' } })).rejects.toMatchObject(damaged)
    for (const [file, name] of [
      ['config.json', /config\.json/],
      ['tokenizer.json', /tokenizer\.json nor tokenizer\.model/],
      ['model.safetensors', /model\.safetensors/],
    ] as const) {
      await expect(opened({ files: { [file]: undefined } })).rejects.toMatchObject({
        code: 'file_missing',
        message: expect.stringMatching(name),
      })
    }
  })
})

describe('tokens', () => {
  const toy = toyByteLevel()
  const [first] = toy.added_tokens
  it('ends at every token that some file calls an end', async () => {
    const config = { eos_token_id: [2, 3] }
    const files = {
      'generation_config.json': { eos_token_id: 5 },
      'tokenizer_config.json': { eos_token: { content: first.content } },
    }
    expect((await opened({ config, files })).tokens.eos.toSorted((a, b) => a - b)).toEqual([2, 3, 5, first.id])
  })

  it.each([undefined, null, -1, [], 400])('has no end where none is named: %j', async (eos_token_id) => {
    expect((await opened({ config: { eos_token_id } })).tokens.eos).toEqual([])
  })

  it('has no beginning where its id is negative', async () => {
    expect((await opened({ config: { bos_token_id: -1 } })).tokens.bos).toBe(null)
  })

  it.each<[string, Record<string, unknown>, object, { bos: number | null; addBos: boolean }]>([
    ["config.json's", {}, toy, { bos: 1, addBos: false }],
    [
      "the tokenizer's before it",
      { bos_token: first.content, add_bos_token: true },
      toy,
      { bos: first.id, addBos: true },
    ],
    ['added by SentencePiece tokenizers unless they say otherwise', {}, toyByteFallback(), { bos: 1, addBos: true }],
    ['not added where the tokenizer says so', { add_bos_token: false }, toyByteFallback(), { bos: 1, addBos: false }],
  ])('BOS: %s', async (_, tokenizerConfig, tokenizer, expected) => {
    const files = { 'tokenizer.json': tokenizer, 'tokenizer_config.json': tokenizerConfig }
    expect((await opened({ files })).tokens).toMatchObject(expected)
  })
})

describe('defaults of sampling', () => {
  it.each([
    [undefined, {}],
    [
      { do_sample: true, temperature: 0.6, top_p: 0.95, top_k: 20 },
      { temperature: 0.6, topP: 0.95, topK: 20 },
    ],
    [{ temperature: 0.6, top_p: null }, { temperature: 0.6 }],
    [{ do_sample: false, temperature: 0.6 }, { temperature: 0 }],
    [{ top_k: -1 }, { topK: 0 }],
  ])('%j', async (generation, expected) => {
    expect((await opened({ files: { 'generation_config.json': generation } })).sampling).toEqual(expected)
  })
})

describe('chat template', () => {
  it.each<[string, string, Record<string, unknown>]>([
    ['of its own file', 'own', { 'chat_template.jinja': 'own', 'tokenizer_config.json': { chat_template: 'config' } }],
    ['of tokenizer_config.json', 'config', { 'tokenizer_config.json': { chat_template: 'config' } }],
    [
      'called default',
      'default',
      {
        'tokenizer_config.json': {
          chat_template: [
            { name: 'tool_use', template: 'tools' },
            { name: 'default', template: 'default' },
          ],
        },
      },
    ],
    ['of nobody', '', {}],
  ])('%s', async (_, template, files) => {
    const others = { 'chat_template.jinja': undefined, ...files }
    expect((await opened({ files: others })).chatTemplate).toBe(template)
  })
})

describe('license', () => {
  it.each([
    ['---\nlanguage: en\nlicense: apache-2.0\ntags: [a]\n---\n# Tiny', 'apache-2.0'],
    ['---\r\nlicense: mit\r\n---\r\n', 'mit'],
    ['---\nlanguage: en\n---\nlicense: mit', null],
    ['# Tiny\nlicense: mit', null],
    [undefined, null],
  ])('of %j', async (card, license) => {
    expect((await opened({ files: { 'README.md': card } })).license).toBe(license)
  })
})

describe('tensors', () => {
  const others = (name: string) => {
    const { [name]: _, ...tensors } = tinyCheckpointTensors()
    return tensors
  }

  it('reads them from one file or many', async () => {
    for (const tensorsPerShard of [undefined, 5]) {
      const folder = join(root, String(folders++))
      await writeCheckpoint(folder, { tensorsPerShard })
      const source = await readCheckpoint(folder, 'owner/name')
      expect(source.name).toBe('owner/name')
      expect([...source.tensors.keys()].slice(0, 3)).toEqual(['embedding', 'layers.0.attentionNorm', 'layers.0.query'])
      const up = source.tensors.get('layers.1.up')!
      expect([up.name, up.shape]).toEqual(['model.layers.1.mlp.up_proj.weight', [96, 64]])
      const { data } = tinyCheckpointTensors()[up.name]
      const reader = new TensorReader()
      expect(await reader.readStored(up, 64, 128)).toEqual(data.subarray(128, 384))
      await reader.close()
    }
  })

  it('reads the one file where an index is left of an earlier release', async () => {
    const index = { weight_map: { 'model.norm.weight': 'model-00001-of-00002.safetensors' } }
    const files = { 'model.safetensors.index.json': index }
    expect((await opened({ files })).tensors.get('norm')!.path).toMatch(/model\.safetensors$/)
  })

  it('ignores tables that are computed', async () => {
    const table = { 'model.layers.0.self_attn.rotary_emb.inv_freq': zeroTensor('F32', [16]) }
    expect((await opened({ tensors: { ...tinyCheckpointTensors(), ...table } })).tensors.size).toBe(21)
  })

  it.each<[string, string, RegExp, CheckpointParts]>([
    [
      'a missing tensor',
      'tensor_missing',
      /model\.layers\.1\.mlp\.up_proj\.weight is missing/,
      { tensors: others('model.layers.1.mlp.up_proj.weight') },
    ],
    [
      'a wrong shape',
      'metadata_invalid',
      /model\.norm\.weight has shape \(32\).*\(64\)/,
      { tensors: { ...tinyCheckpointTensors(), 'model.norm.weight': floatTensor('BF16', [32], () => 1) } },
    ],
    [
      'a tensor that would be left out',
      'tensor_unsupported',
      /q_proj\.bias is not part of/,
      { tensors: { ...tinyCheckpointTensors(), 'model.layers.0.self_attn.q_proj.bias': zeroTensor('BF16', [128]) } },
    ],
    [
      'a missing shard',
      'file_missing',
      /model-00002-of-00005\.safetensors/,
      { tensorsPerShard: 5, files: { 'model-00002-of-00005.safetensors': undefined } },
    ],
    [
      'an index that leads out of the folder',
      'metadata_invalid',
      /\.\.\/secret\.safetensors is no safetensors file of the same folder/,
      { tensorsPerShard: 5, files: { 'model.safetensors.index.json': { weight_map: { a: '../secret.safetensors' } } } },
    ],
    [
      'an index that names the folder above',
      'metadata_invalid',
      /\.\. is no safetensors file/,
      { tensorsPerShard: 5, files: { 'model.safetensors.index.json': { weight_map: { a: '..' } } } },
    ],
    [
      'a tensor in two files',
      'checkpoint_damaged',
      /model\.norm\.weight is in .*one\.safetensors too/,
      {
        tensorsPerShard: 100,
        files: {
          'one.safetensors': safetensorsBytes({ 'model.norm.weight': floatTensor('BF16', [64], () => 2) }),
          'model.safetensors.index.json': {
            weight_map: { a: 'one.safetensors', b: 'model-00001-of-00001.safetensors' },
          },
        },
      },
    ],
    [
      'an index without a map',
      'metadata_invalid',
      /index\.json, weight_map/,
      { tensorsPerShard: 5, files: { 'model.safetensors.index.json': {} } },
    ],
  ])('refuses %s', async (_, code, message, parts) => {
    await expect(opened(parts)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})
