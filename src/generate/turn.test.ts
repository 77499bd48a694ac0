import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { startMiniflare } from '../serve/start-miniflare.ts'
import { turn } from './turn.ts'

const STEPS = 400

// A computation that goes on until another request says stop, or for all its steps.
const WORKER = `
  import { turn } from './turn.ts'
  let stopped = false
  function compute() {
    const end = Date.now() + 5
    while (Date.now() < end);
  }
  async function run() {
    let steps = 0
    while (!stopped && steps < ${STEPS}) {
      compute()
      steps++
      await turn()
    }
    return steps
  }
  export default {
    async fetch(request) {
      if (new URL(request.url).pathname === '/run') return new Response(String(await run()))
      stopped = true
      return new Response()
    }
  }`

describe('turn', () => {
  it('lets what Node has waiting run', async () => {
    const events: string[] = []
    setImmediate(() => events.push('immediate'))
    await turn()
    events.push('turn')
    expect(events).toEqual(['immediate', 'turn'])
  })

  it.each([[['nodejs_compat']], [[]]])(
    'lets other requests into a computing workerd isolate, flags %j',
    async (flags) => {
      const bundle = await build({
        stdin: { contents: WORKER, resolveDir: import.meta.dirname },
        bundle: true,
        format: 'esm',
        write: false,
      })
      const worker = startMiniflare({
        modules: true,
        script: bundle.outputFiles[0].text,
        compatibilityDate: '2026-04-01',
        compatibilityFlags: flags,
      })
      try {
        const steps = worker.dispatchFetch('http://localhost/run').then((response) => response.text())
        await worker.dispatchFetch('http://localhost/stop')
        expect(Number(await steps)).toBeGreaterThan(0)
        expect(Number(await steps)).toBeLessThan(STEPS)
      } finally {
        await worker.dispose()
      }
    },
  )
})
