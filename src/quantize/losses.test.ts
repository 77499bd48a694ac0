import { expect, it } from 'vitest'
import type { ModelSource } from '../pack/model-source.ts'
import { planTensor } from '../pack/plan-tensor.ts'
import { readSource } from '../pack/read-source.ts'
import { plannedRotation, rotatedSource } from '../pack/rotated-source.ts'
import { TensorReader } from '../pack/tensor-reader.ts'
import { buildTokenizerTables } from '../pack/tokenizer/tables.ts'
import { readTexts, tokenSequences } from './calibration-text.ts'
import { measureLosses, split } from './losses.ts'
import { PlannedWeights } from './planned-weights.ts'
import { inBands } from './vocabulary-bands.ts'

/** A plan of all matrices of a source, those of the vocabulary in bands of so many rows. */
function planOf(source: ModelSource, bandRows?: number) {
  const planned = [...source.tensors].map(([name, tensor]) =>
    planTensor(name, tensor, { planes: {}, groupSize: 32 }, plannedRotation(name, source)),
  )
  const reader = new TensorReader()
  const byName = new Map(inBands(planned, bandRows).map((tensor) => [tensor.entry.name, tensor]))
  return { reader, weights: new PlannedWeights(byName, reader) }
}

const fixtures = new URL('../../test/fixtures/', import.meta.url).pathname

it.each([
  ['tiny-qwen2/qwen2-untied', ['embedding', 'head']],
  ['tiny-llama/tied', ['embedding']],
])('matrices of %s lose less with every plane and with finer groups', async (path, vocabulary) => {
  const source = rotatedSource(await readSource(fixtures + path))
  const texts = (await readTexts('default')).slice(0, 6)
  const sequences = tokenSequences(texts, buildTokenizerTables(source.tokenizer), source)
  const { reader, weights } = planOf(source)
  try {
    const losses = await measureLosses({ config: source.config, sequences, weights })
    // Of a tied head nothing is chosen for what it reads, which keeps its 8 planes.
    expect([...losses.keys()].filter((name) => !name.startsWith('layers.')).sort()).toEqual(vocabulary)
    expect(losses.size).toBe(7 * source.config.layerCount + vocabulary.length)
    for (const settings of losses.values()) {
      const [{ groupSize }] = settings
      const coarse = settings.filter((setting) => setting.groupSize === groupSize).sort((a, b) => a.planes - b.planes)
      expect(coarse.map(({ planes }) => planes)).toEqual([2, 3, 4, 5, 6])
      for (const [i, setting] of coarse.entries()) {
        expect(setting.loss).toBeGreaterThan(0)
        // A plane halves a step, so that an error falls to a quarter or so.
        if (i > 0) expect(setting.loss).toBeLessThan(0.5 * coarse[i - 1].loss)
      }
      for (const setting of settings.filter((other) => other.groupSize !== groupSize)) {
        const { loss, bytes } = coarse.find(({ planes }) => planes === setting.planes)!
        expect(setting.loss).toBeLessThan(loss)
        expect(setting.bytes).toBeGreaterThan(bytes)
      }
    }
  } finally {
    await reader.close()
  }
})

/** What the matrices of a tiny Qwen2 lose on some texts; bandRows: of its vocabulary; isZero: rows that are zeros, whatever the file has. */
async function lossesOf(
  sequencesOf: (all: number[][]) => number[][],
  { bandRows, isZero = () => false }: { bandRows?: number; isZero?: (name: string, row: number) => boolean } = {},
) {
  const source = rotatedSource(await readSource(`${fixtures}tiny-qwen2/qwen2-untied`))
  const texts = (await readTexts('default')).slice(0, 6)
  const all = tokenSequences(texts, buildTokenizerTables(source.tokenizer), source)
  const { reader, weights } = planOf(source, bandRows)
  const rows = weights.rows.bind(weights)
  weights.rows = async (name, firstRow = 0, count) => {
    const values = await rows(name, firstRow, count)
    const cols = weights.matrix(name).entry.shape[1]
    for (let i = 0; i < values.length / cols; i++) {
      if (isZero(name, firstRow + i)) values.fill(0, i * cols, (i + 1) * cols)
    }
    return values
  }
  try {
    const losses = await measureLosses({ config: source.config, sequences: sequencesOf(all), weights })
    return { losses, weights }
  } finally {
    await reader.close()
  }
}

it('gives what a matrix of the vocabulary loses to its bands, by how often their rows are meant', async () => {
  const bandsOf = async (bandRows?: number) => {
    const { losses, weights } = await lossesOf((all) => all, { bandRows })
    return (['embedding', 'head'] as const).map((matrix) =>
      weights.bands(matrix).map(({ entry }) => ({ rows: entry.shape[0], loss: losses.get(entry.name)![0].loss })),
    )
  }
  const [whole, parts] = [await bandsOf(), await bandsOf(64)]
  for (const [i, bands] of parts.entries()) {
    expect(whole[i]).toHaveLength(1)
    expect(bands.length).toBeGreaterThan(2)
    const sum = bands.reduce((sum, { loss }) => sum + loss, 0)
    expect(sum).toBeCloseTo(whole[i][0].loss, 6)
    // Letters of a byte-level vocabulary are among the second 64.
    const mostMeant = Math.max(...bands.map(({ loss, rows }) => loss / rows))
    const leastMeant = Math.min(...bands.map(({ loss, rows }) => loss / rows))
    expect(mostMeant).toBeGreaterThan(3 * leastMeant)
  }
})

it('says that matrices and bands of zeros lose nothing, and what the others lose', async () => {
  const zeros = ['layers.0.down', 'layers.1.attentionOutput', 'head.2']
  const { losses } = await lossesOf((all) => all, { bandRows: 64, isZero: (name) => zeros.includes(name) })
  for (const name of zeros) expect(losses.get(name)!.every(({ loss }) => loss === 0)).toBe(true)
  for (const name of ['layers.1.down', 'head', 'head.1', 'head.3', 'embedding']) {
    for (const { loss } of losses.get(name)!) expect(loss).toBeGreaterThan(0)
  }
})

it('has losses for a matrix whose only rows stand beside its sample', async () => {
  // 256 of 263 rows are sampled.
  const sampled = new Set(Array.from({ length: 256 }, (_, i) => Math.floor((i * 263) / 256)))
  const { losses } = await lossesOf((all) => all, { isZero: (name, row) => name === 'head' && sampled.has(row) })
  const [probed, ...others] = losses.get('head')!
  expect(probed.loss).toBeGreaterThan(0)
  for (const { planes, loss } of others) expect(loss).toBeCloseTo(probed.loss * 4 ** (probed.planes - planes), 9)
})

it('measures on a sequence that is longer than all that second moments are of', async () => {
  const ofLengths = ([first, second]: number[][]) => [first.slice(0, 40), second.slice(0, 16)]
  const { losses } = await lossesOf(ofLengths)
  // The same texts and probes, several times.
  const { losses: repeated } = await lossesOf((all) => {
    const [long, short] = ofLengths(all)
    return Array(6).fill([long, short, short, short]).flat()
  })
  for (const matrix of ['embedding', 'head']) {
    expect(losses.get(matrix)![0].loss).toBeCloseTo(repeated.get(matrix)![0].loss, 4)
  }
})

it('measures what is lost on other texts than matrices are rounded for, of all kinds that there are', () => {
  const sequences = Array.from({ length: 100 }, (_, i) => Array(300).fill(i))
  const { texts, probes } = split(sequences)
  expect(probes).toHaveLength(6)
  expect(probes.every(({ length }) => length === 40)).toBe(true)
  expect(probes.at(-1)![0]).toBeGreaterThan(80)
  const probed = new Set(probes.map(([id]) => id))
  expect(texts.filter(([id]) => probed.has(id))).toEqual([])
  expect(texts.flat().length).toBeGreaterThanOrEqual(8192)
  expect(texts.flat().length).toBeLessThan(2 * 8192)
})

it('takes a single text for both', () => {
  expect(split([[1, 2, 3]])).toEqual({ texts: [[1, 2, 3]], probes: [[1, 2, 3]] })
})
