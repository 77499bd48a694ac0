import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseOrigins } from '../src/origin/origin-config.ts'

const read = (file: string) => readFileSync(new URL(`../deploy/origin/${file}`, import.meta.url), 'utf8')

test('the ORIGINS of the README are valid, and name the model as the set-ups serve it', () => {
  const [, json] = /```json\n([^`]+)```/.exec(read('README.md'))!
  const [origin] = parseOrigins(json, { GPU_KEY: 'key' })
  expect(origin.key?.reveal()).toBe('key')
  expect(read('compose.yaml')).toContain(`--served-model-name=${origin.model}\n`)
  expect(read('nanbeige-origin.service')).toContain(`--served-model-name ${origin.model} `)
})

test('the README’s timers are the defaults', () => {
  const [{ timers }] = parseOrigins([{ name: 'a', kind: 'vllm', url: 'https://a.example', model: 'm' }], {})
  const readme = read('README.md')
  for (const [name, ms] of Object.entries(timers)) expect(readme).toContain(`\`${name}\` ${ms}`)
})
