import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { distributionOf } from '../../test/support/array-distribution.ts'
import type { LanguageModel } from '../generate/language-model.ts'
import type { AnswerFigures } from './answers.ts'
import { measureQuality, type Quality } from './quality.ts'

const model = new URL('../../test/fixtures/tiny-qwen2/qwen2-untied', import.meta.url).pathname
const cli = new URL('../cli/main.ts', import.meta.url).pathname
const run = (...args: string[]) => promisify(execFile)(process.execPath, [cli, ...args])

/** A model that gives these logits after its n-th token of all. */
function scripted(rows: readonly Float32Array[]): LanguageModel {
  let next = 0
  return {
    vocabSize: rows[0].length,
    contextLength: 8,
    createSequence: () => ({ length: 0, truncate() {}, release() {} }),
    forward: async () => {},
    distribution: async () => distributionOf(rows[next++]),
  }
}

const logits = (...probabilities: number[]) => Float32Array.from(probabilities, (p) => Math.log(p) + 3)

describe('measureQuality', () => {
  it('compares whole distributions, but not those behind the last token of a sequence', async () => {
    const references = [
      logits(0.5, 0.25, 0.25),
      logits(0.1, 0.8, 0.1),
      logits(1, 1, 1),
      logits(0.2, 0.2, 0.6),
      logits(1, 1, 1),
    ]
    let closed = false
    async function* chunks() {
      try {
        yield Float32Array.from(references.slice(0, 2).flatMap((row) => [...row]))
        yield Float32Array.from(references.slice(2).flatMap((row) => [...row]))
      } finally {
        closed = true
      }
    }
    const ours = [logits(0.5, 0.25, 0.25), logits(0.6, 0.2, 0.2), logits(0.2, 0.2, 0.6)]
    const quality = await measureQuality(
      scripted(ours),
      [
        [0, 1, 2],
        [1, 0],
      ],
      chunks(),
    )
    const kl = 0.1 * Math.log(0.1 / 0.6) + 0.8 * Math.log(0.8 / 0.2) + 0.1 * Math.log(0.1 / 0.2)
    expect(quality).toMatchObject({ positions: 3, sameTop1: 2 / 3 })
    expect(quality.meanKl).toBeCloseTo(kl / 3, 5)
    expect(quality.medianKl).toBeCloseTo(0, 5)
    expect(quality.p99Kl).toBeCloseTo(kl, 5)
    expect(quality.perplexity).toBeCloseTo((0.25 * 0.2 * 0.2) ** (-1 / 3), 4)
    expect(quality.referencePerplexity).toBeCloseTo((0.25 * 0.1 * 0.2) ** (-1 / 3), 4)
    expect(closed).toBe(true)
  })
})

describe('nanbeige-edge quality', () => {
  let root: string
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'quality-'))
  })
  afterAll(() => rm(root, { recursive: true }))

  async function qualityOf(name: string, ...options: string[]): Promise<Quality & { bitsPerWeight: number }> {
    const out = join(root, name)
    await run('pack', model, '--out', out, ...options)
    const { stdout, stderr } = await run('quality', out, '--reference', model, '--tokens', '24', '--json')
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }

  it('says that 8 planes lose little, rotated and calibrated too, and that error feedback loses less than rounding', async () => {
    const calibrated = await qualityOf('calibrated', '--planes', '8', '--calibrate', 'default')
    expect(calibrated.meanKl).toBeLessThan(0.01)
    expect(calibrated.sameTop1).toBeGreaterThan(0.95)
    const planes = ['--planes', 'embedding=8,attention=3,ffn=3,head=8']
    const rounded = await qualityOf('rounded', ...planes, '--rotate')
    const fed = await qualityOf('fed', ...planes, '--calibrate', 'default')
    expect(fed.meanKl).toBeLessThan(0.7 * rounded.meanKl)
    expect(fed.bitsPerWeight).toBeLessThan(rounded.bitsPerWeight)
  }, 120_000)

  it('gives the answers of the exact weights where no weight was changed', async () => {
    const out = join(root, 'exact')
    await run('pack', model, '--out', out)
    const { stdout } = await run('quality', out, '--reference', model, '--tokens', '2', '--answers', '--json')
    const { answers } = JSON.parse(stdout) as { answers: AnswerFigures[] }
    // This model's template has no place for tools.
    expect(answers).toMatchObject([
      { temperature: 0, answers: 33, identical: 33, equalShare: 1, toolPrompts: 0 },
      { temperature: 0.6, answers: 33, identical: 33, equalShare: 1 },
    ])
  }, 60_000)

  it('refuses a budget beside planes or groups', async () => {
    for (const option of ['--planes', '--group']) {
      const packing = run(
        'pack',
        model,
        '--out',
        join(root, 'both'),
        '--bits',
        '3',
        option,
        option === '--group' ? '64' : '4',
      )
      await expect(packing).rejects.toMatchObject({ stderr: expect.stringMatching(/^nanbeige-edge: --bits chooses/) })
    }
  })

  it('is not waited for in vain: a calibration without planes is refused', async () => {
    await expect(run('pack', model, '--out', join(root, 'none'), '--calibrate', 'default')).rejects.toMatchObject({
      stderr: expect.stringMatching(/^nanbeige-edge: --calibrate .* --planes/),
    })
  })

  it('refuses the reference of another model', async () => {
    const other = new URL('../../test/fixtures/tiny-llama/tied', import.meta.url).pathname
    const small = new URL('../../weights/smollm2-135m-instruct', import.meta.url).pathname
    await expect(run('quality', small, '--reference', other)).rejects.toMatchObject({
      stderr: expect.stringMatching(/^nanbeige-edge: .*another vocabulary/),
    })
  })
})
