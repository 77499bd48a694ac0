import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { OriginConfigError, parseOrigins } from './origin-config.ts'

const ORIGIN = { name: 'gpu', kind: 'vllm', url: 'https://gpu.example.com', model: 'Nanbeige4-3B-Thinking' }
const ENV = { GPU_KEY: 'sk-1234', OTHER: 7 }

describe('ORIGINS', () => {
  test.each([undefined, '', '[]', []])('%j: none', (variable) => {
    expect(parseOrigins(variable, ENV)).toEqual([])
  })

  test('has defaults that allow long thinking', () => {
    const [origin] = parseOrigins(JSON.stringify([ORIGIN]), ENV)
    expect(origin).toMatchObject({ ...ORIGIN, weight: 1, order: 0, key: undefined })
    expect(origin.timers).toEqual({ connectMs: 10_000, firstTokenMs: 60_000, idleMs: 30_000, totalMs: 3_600_000 })
  })

  test('takes single timers, and a URL with or without /v1', () => {
    for (const url of [
      'https://a.example/x',
      'https://a.example/x/',
      'https://a.example/x/v1',
      'https://a.example/x/v1/',
    ]) {
      const [origin] = parseOrigins([{ ...ORIGIN, url, timers: { idleMs: 5 } }], ENV)
      expect([origin.url, origin.timers.idleMs, origin.timers.connectMs]).toEqual(['https://a.example/x', 5, 10_000])
    }
  })

  test('reads the key from the secret that it names, and shows it to nobody', () => {
    const [origin] = parseOrigins([{ ...ORIGIN, keySecret: 'GPU_KEY' }], ENV)
    expect(origin.key?.reveal()).toBe('sk-1234')
    for (const text of [JSON.stringify(origin), String(origin.key), inspect(origin, { depth: 9 })]) {
      expect(text).not.toContain('sk-1234')
    }
  })

  test('takes a key without the line end that a file adds, and none that no header can carry', () => {
    const keyOf = (key: string) => parseOrigins([{ ...ORIGIN, keySecret: 'KEY' }], { KEY: key })[0].key?.reveal()
    expect(keyOf(' sk-1234\r\n')).toBe('sk-1234')
    for (const key of ['sk-1\n234', 'sk 1234', 'sk-é', ' \n']) {
      expect(() => keyOf(key)).toThrow(OriginConfigError)
      expect(() => keyOf(key)).not.toThrow(/sk.1/)
    }
  })

  test.each<[unknown, string]>([
    ['{', 'no JSON'],
    ['{}', 'array'],
    [[{ ...ORIGIN, kind: 'ollama' }], '0.kind'],
    [[{ ...ORIGIN, url: 'ftp://a.example' }], '0.url'],
    [[{ ...ORIGIN, url: 'https://user:pass@a.example' }], 'credentials'],
    [[{ ...ORIGIN, url: 'https://a.example/?key=1' }], 'query'],
    [[{ ...ORIGIN, weight: 0 }], '0.weight'],
    [[{ ...ORIGIN, timers: { idle: 5 } }], '0.timers'],
    [[{ ...ORIGIN, key: 'sk-1234' }], 'key'],
    [[ORIGIN, ORIGIN], "two origins are named 'gpu'"],
    [[{ ...ORIGIN, keySecret: 'MISSING' }], 'MISSING'],
    [[{ ...ORIGIN, keySecret: 'OTHER' }], 'OTHER'],
    [[{ ...ORIGIN, url: 'http://gpu.example.com', keySecret: 'GPU_KEY' }], 'https'],
  ])('%j is refused', (variable, word) => {
    expect(() => parseOrigins(variable, ENV)).toThrow(OriginConfigError)
    expect(() => parseOrigins(variable, ENV)).toThrow(word)
  })

  test('a key over http goes to the same machine only', () => {
    const url = 'http://127.0.0.1:8000'
    expect(parseOrigins([{ ...ORIGIN, url, keySecret: 'GPU_KEY' }], ENV)[0].url).toBe(url)
    expect(parseOrigins([{ ...ORIGIN, url: 'http://gpu.internal:8000' }], ENV).length).toBe(1)
  })
})
