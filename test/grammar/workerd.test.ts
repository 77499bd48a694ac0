import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningWorker, startWorker } from '../../src/serve/start-worker.ts'

describe('grammars in workerd', () => {
  let worker: RunningWorker

  beforeAll(async () => {
    worker = await startWorker({ port: 0, config: 'test/grammar/wrangler.toml' })
  })
  afterAll(() => worker?.stop())

  async function next(ebnf: string, text: string) {
    const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify({ ebnf, text }) })
    return response.json()
  }

  it('come from a module that the build took out of the package', async () => {
    const grammar = 'root ::= "yes" | "no" ("!" | "?")*'
    expect(await next(grammar, '')).toEqual({ accepted: true, next: [0x6e, 0x79] })
    expect(await next(grammar, 'no')).toEqual({ accepted: true, next: [0x21, 0x3f, 256] })
    expect(await next(grammar, 'yes')).toEqual({ accepted: true, next: [256] })
  })

  it('that cannot be read are told, and harm no other', async () => {
    for (let i = 0; i < 100; i++) {
      expect(await next(`root ::= "${'x'.repeat(i)}`, '')).toMatchObject({ code: 'invalid_grammar' })
    }
    expect(await next('root ::= "yes"', 'ye')).toEqual({ accepted: true, next: [0x73] })
  })
})
