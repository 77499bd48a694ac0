import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseOrigins } from '../../src/origin/origin-config.ts'
import { tensorShapes } from '../../src/weights/tensor-shapes.ts'
import { nanbeigeConfig } from '../support/model-shape.ts'

const read = (file: string) => readFileSync(new URL(`../../deploy/origin/${file}`, import.meta.url), 'utf8')

test('the ORIGINS of the README are valid, and name the model as the set-ups serve it', () => {
  const [, json] = /```json\n([^`]+)```/.exec(read('README.md'))!
  const [origin] = parseOrigins(json, { GPU_KEY: 'key' })
  expect(origin.key?.reveal()).toBe('key')
  expect(read('compose.yaml')).toContain(`--served-model-name=${origin.model}\n`)
  expect(read('nanbeige-origin.service')).toContain(`--served-model-name ${origin.model} `)
})

test('one context of the set-ups fits the GPU that the README asks for, beside the weights', () => {
  const { layerCount, kvHeadCount, headDim, hiddenSize, vocabSize } = nanbeigeConfig
  const parameters = [...tensorShapes(nanbeigeConfig).values()].reduce(
    (sum, shape) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  )
  const readme = read('README.md')
  const context = Number(/^ +- --max-model-len=\$\{ORIGIN_CONTEXT:-(\d+)\}$/m.exec(read('compose.yaml'))![1])
  expect(read('nanbeige-origin.service')).toContain(`--max-model-len ${context} `)
  expect(read('.env.example')).toContain(`# ORIGIN_CONTEXT=${context}\n`)
  expect(readme).toContain(`| \`ORIGIN_CONTEXT\` ${context} of them |`)

  const [GIB, BF16] = [2 ** 30, 2]
  const gpuBytes = 0.9 * 12 * GIB
  const tokenBytes = 2 * layerCount * kvHeadCount * headDim * BF16
  const left = gpuBytes - parameters * BF16 - context * tokenBytes
  expect(readme).toContain(`${parameters.toLocaleString('en')} parameters of 2 bytes | ${gib(parameters * BF16)} GiB`)
  expect(readme).toContain(`2 bytes | ${tokenBytes / 1024} KiB |`)
  expect(readme).toContain(`CUDA graphs | ${gib(left)} GiB |`)
  // What vLLM needs beside them: the largest activations of a chunk of 2048 tokens, the logits of 32 requests in several copies, CUDA graphs.
  const activations = 2048 * (2 * nanbeigeConfig.intermediateSize + 8 * hiddenSize) * BF16
  const sampling = 32 * vocabSize * 4 * 6
  expect(left).toBeGreaterThan(activations + sampling + 0.75 * GIB)
  // Twice the context does not fit.
  expect(left).toBeLessThan(context * tokenBytes)

  function gib(bytes: number): string {
    return (bytes / GIB).toFixed(2)
  }
})

test('the set-ups name the commit of the checkpoint, and refuse to start without one', () => {
  expect(read('compose.yaml')).toMatch(/- --revision=\$\{ORIGIN_REVISION:\?[^}]+\}\n/)
  expect(read('.env.example')).toMatch(/^ORIGIN_REVISION=$/m)
  const unit = read('nanbeige-origin.service')
  expect(unit).toMatch(/ --revision \$\{ORIGIN_REVISION\} /)
  expect(unit).toMatch(/^ExecStartPre=.*test -n "\$\$ORIGIN_REVISION"/m)
})

test('the unit can write where vLLM and Triton keep what they compile, and nowhere else', () => {
  const unit = read('nanbeige-origin.service')
  const value = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(unit)?.[1]
  expect(value('ProtectSystem')).toBe('strict')
  expect(value('Environment=HOME')).toBe(`/var/cache/${value('CacheDirectory')}`)
  expect(value('Environment=HF_HOME')).toBe(`/var/lib/${value('StateDirectory')}`)
})

test('the README’s timers are the defaults', () => {
  const [{ timers }] = parseOrigins([{ name: 'a', kind: 'vllm', url: 'https://a.example', model: 'm' }], {})
  const readme = read('README.md')
  for (const [name, ms] of Object.entries(timers)) expect(readme).toContain(`\`${name}\` ${ms}`)
})
