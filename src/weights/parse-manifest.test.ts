import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'
import { MAX_SHARD_BYTES, type Manifest } from './manifest.ts'
import { parseManifest } from './parse-manifest.ts'

/** Every part can be written to and taken away. */
// biome-ignore lint/suspicious/noExplicitAny: broken manifests have no type
type Loose = any

let pack: TinyPack
beforeAll(async () => {
  pack = await tinyPack()
})
afterAll(() => pack.remove())

const tensor = (manifest: Loose, name: string) =>
  manifest.tensors.find((candidate: { name: string }) => candidate.name === name)

const broken: [string, string, RegExp, (manifest: Loose) => void][] = [
  ['another format', 'manifest_invalid', /not a nanbeige-edge manifest/, (m) => (m.format = 'gguf')],
  ['another version', 'version_unsupported', /version 2 where this reader knows 1/, (m) => (m.version = 2)],
  ['a field of the wrong type', 'manifest_invalid', /config\.hiddenSize/, (m) => (m.config.hiddenSize = '256')],
  ['a field that is not known', 'manifest_invalid', /slidingWindow/, (m) => (m.config.slidingWindow = 4096)],
  ['more layers than any model has', 'manifest_invalid', /layerCount/, (m) => (m.config.layerCount = 2 ** 32 - 1)],
  ['a vocabulary without end', 'manifest_invalid', /vocabSize/, (m) => (m.config.vocabSize = 2 ** 40)],
  ['a base that is no number', 'manifest_invalid', /ropeTheta/, (m) => (m.config.ropeTheta = Number.NaN)],
  ['heads that the kernels cannot store', 'manifest_invalid', /heads of 80/, (m) => (m.config.headDim = 80)],
  ['heads that do not divide', 'manifest_invalid', /4 query heads/, (m) => (m.config.kvHeadCount = 3)],
  ['blocks of an unknown size', 'manifest_invalid', /config\.downHadamard/, (m) => (m.config.downHadamard = 24)],
  [
    'blocks that do not divide',
    'manifest_invalid',
    /528 is not whole blocks of 32/,
    (m) => Object.assign(m.config, { downHadamard: 32, intermediateSize: 528 }),
  ],
  ['a token outside', 'manifest_invalid', /token 259 is outside/, (m) => (m.tokens.eos = [259])],
  ['a bos to add but none', 'manifest_invalid', /addBos/, (m) => (m.tokens = { bos: null, eos: [1], addBos: true })],
  [
    'a missing tensor',
    'tensor_missing',
    /layers\.0\.up/,
    (m) => m.tensors.splice(m.tensors.indexOf(tensor(m, 'layers.0.up')), 1),
  ],
  ['an unknown tensor', 'tensor_unknown', /layers\.0\.bias/, (m) => (tensor(m, 'layers.0.up').name = 'layers.0.bias')],
  ['a head that is tied', 'tensor_unknown', /tensor head/, (m) => (m.config.tiedEmbedding = true)],
  ['a tensor listed twice', 'manifest_invalid', /norm is listed twice/, (m) => m.tensors.push(tensor(m, 'norm'))],
  [
    'a wrong shape',
    'tensor_invalid',
    /up has shape \(256, 512\) where \(512, 256\)/,
    (m) => tensor(m, 'layers.0.up').shape.reverse(),
  ],
  [
    'bands that are not the whole',
    'tensor_invalid',
    /the bands of head have 320 rows together where 259 are needed/,
    (m) => m.tensors.push({ ...tensor(m, 'head'), name: 'head.1', shape: [61, 256] }),
  ],
  [
    'bands that end within a tile',
    'tensor_invalid',
    /tensor head has 250 rows, not whole tiles of 32/,
    (m) => {
      tensor(m, 'head').shape[0] = 250
      m.tensors.push({ ...tensor(m, 'head'), name: 'head.1', shape: [9, 256] })
    },
  ],
  [
    'bands of another width',
    'tensor_invalid',
    /head\.1 has shape \(3, 512\) where \(3, 256\)/,
    (m) => {
      tensor(m, 'head').shape[0] = 256
      m.tensors.unshift({ ...tensor(m, 'head'), name: 'head.1', shape: [3, 512] })
    },
  ],
  [
    'a band without those before it',
    'tensor_unknown',
    /tensor head\.2/,
    (m) => m.tensors.push({ ...tensor(m, 'head'), name: 'head.2', shape: [1, 256] }),
  ],
  [
    'a vector as matrix',
    'tensor_invalid',
    /norm has shape \(1, 256\)/,
    (m) => Object.assign(tensor(m, 'norm'), { ...tensor(m, 'head'), name: 'norm', shape: [1, 256] }),
  ],
  [
    'other planes than bytes',
    'tensor_invalid',
    /up has \d+ bytes where \d+ are needed/,
    (m) => (tensor(m, 'layers.0.up').planes = 3),
  ],
  [
    'a minimum taken for a zero point',
    'tensor_invalid',
    /up (has|is split)/,
    (m) => (tensor(m, 'layers.0.up').zeroPoint = -8),
  ],
  [
    'steps of levels that do not lie about zero',
    'tensor_invalid',
    /up has steps and levels that do not lie about zero/,
    (m) => Object.assign(tensor(m, 'layers.0.up'), { scales: 'steps', zeroPoint: -8 }),
  ],
  [
    'half floats taken for steps',
    'tensor_invalid',
    /up (has|is split)/,
    (m) => Object.assign(tensor(m, 'layers.0.up'), { scales: 'steps', planes: 4, zeroPoint: -7.5 }),
  ],
  [
    'a span too short',
    'tensor_invalid',
    /norm has 1020 bytes where 1024/,
    (m) => (tensor(m, 'norm').spans[0].bytes -= 4),
  ],
  [
    'a span inside a tile',
    'tensor_invalid',
    /up is split inside a tile/,
    (m) => {
      const [span] = tensor(m, 'layers.0.up').spans
      tensor(m, 'layers.0.up').spans = [
        { ...span, bytes: 16 },
        { ...span, offset: span.offset + 16, bytes: span.bytes - 16 },
      ]
    },
  ],
  [
    'a span past its shard',
    'manifest_invalid',
    /norm reaches past the end of shard/,
    (m) => (tensor(m, 'norm').spans[0].offset = m.shards[0].bytes),
  ],
  [
    'a span that is not aligned',
    'manifest_invalid',
    /norm is not aligned/,
    (m) => (tensor(m, 'norm').spans[0].offset -= 4),
  ],
  [
    'a span in no shard',
    'manifest_invalid',
    /tokenizer is in shard/,
    (m) => (m.tokenizer.shard = '0000000000000000.bin'),
  ],
  [
    'a shard by another name',
    'manifest_invalid',
    /not named by its sha256/,
    (m) => (m.shards[0].file = '../manifest.json'),
  ],
  ['a shard listed twice', 'manifest_invalid', /listed twice/, (m) => m.shards.push(m.shards[0])],
  ['a shard too large', 'manifest_invalid', /larger than/, (m) => (m.shards[0].bytes = MAX_SHARD_BYTES + 1)],
]

describe('parseManifest', () => {
  it('accepts what the packer writes', () => {
    expect(parseManifest(JSON.parse(JSON.stringify(pack.manifest)), 'here')).toEqual(pack.manifest)
  })

  it('accepts a pack that says that its levels are uniform, as all did', () => {
    const manifest: Loose = structuredClone(pack.manifest)
    for (const tensor of manifest.tensors) if (tensor.kind === 'planes') tensor.levels = 'uniform'
    expect(parseManifest(manifest, 'old').tensors).toHaveLength(pack.manifest.tensors.length)
  })

  for (const [problem, code, message, change] of broken) {
    it(`refuses ${problem}`, () => {
      const manifest: Manifest = structuredClone(pack.manifest)
      change(manifest)
      expect(() => parseManifest(manifest, 'weights/tiny')).toThrow(
        expect.objectContaining({ name: 'WeightsError', code, message: expect.stringMatching(message) }),
      )
      expect(() => parseManifest(manifest, 'weights/tiny')).toThrow(
        /^weights\/tiny: .*; run `nanbeige-edge pack` again$/,
      )
    })
  }

  it('stays one line, however much is wrong', () => {
    const manifest: Loose = structuredClone(pack.manifest)
    manifest.tensors = Array.from({ length: 10_000 }, () => ({ name: 'a\nb' }))
    expect(() => parseManifest(manifest, 'weights/tiny')).toThrow(
      /^weights\/tiny: .{1,600}; run `nanbeige-edge pack` again$/,
    )
  })

  it('refuses what is no object', () => {
    expect(() => parseManifest(null, 'here')).toThrow(expect.objectContaining({ code: 'manifest_invalid' }))
  })
})
