// How smoothly the widget shows an answer of 10,000 tokens, beside deep-chat: the longest task, the longest frame, the heap behind it.
//
//   npm run bench:widget                  500 tokens a second
//   npm run bench:widget -- 200           200
//
// The peer is installed apart: cd bench && npm install --omit=optional --ignore-scripts. Chromium is headless; CHROMIUM says where it is.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../../src/serve/project.ts'
import { launchChromium } from '../../test/browser/chromium.ts'
import { startServer } from './server.ts'
import { TEXTS } from './texts.ts'

const [TOKENS_PER_SECOND = 500] = process.argv.slice(2).map(Number)
/** An answer that takes longer is given up, and its row says so. */
const TIMEOUT_MS = 120_000
const PEER = existsSync(join(PROJECT, 'bench/node_modules/deep-chat'))

declare global {
  interface Window {
    longestFrame: number
    shownFrames: number
    /** The peer's answer has ended. */
    ended?: boolean
  }
}

const server = await startServer(TOKENS_PER_SECOND)
try {
  console.log(
    `10,000 tokens at ${TOKENS_PER_SECOND} a second; tasks in ms of the CPU's time, frames in ms of the clock's, the heap in MB\n`,
  )
  console.log(`${'element'.padEnd(10)} ${'answer'.padEnd(16)} longest task  longest frame  frames/s  heap`)
  for (const element of PEER ? ['widget', 'deep-chat'] : ['widget']) {
    for (const name of Object.keys(TEXTS)) console.log(await measure(element, name))
  }
  if (!PEER) console.log('deep-chat is not installed: cd bench && npm install --omit=optional --ignore-scripts')
} finally {
  await server.stop()
}

/** A browser of its own for each row: a page that hangs would take the next one's tracing with it. */
async function measure(element: string, name: string): Promise<string> {
  const browser = await launchChromium()
  try {
    const page = await browser.newPage({ viewport: { width: 900, height: 800 } })
    await page.goto(`${server.url}${element === 'widget' ? '/' : '/peer'}`)
    await page.waitForLoadState('networkidle')
    const input = page.locator(element === 'widget' ? 'textarea' : '#text-input')
    await input.fill(name)
    await page.evaluate(() => {
      Object.assign(window, { longestFrame: 0, shownFrames: 0 })
      let last = performance.now()
      const frame = (now: number) => {
        window.longestFrame = Math.max(window.longestFrame, now - last)
        window.shownFrames++
        last = now
        requestAnimationFrame(frame)
      }
      requestAnimationFrame(frame)
    })
    await browser.startTracing(page, { categories: ['toplevel', '__metadata'] })
    const start = performance.now()
    await input.press('Enter')
    await page.waitForFunction(
      (element) => {
        if (element === 'deep-chat') return window.ended
        const root = document.querySelector('nanbeige-chat')!.shadowRoot!
        return root.querySelector('article.assistant') && !root.querySelector('article[aria-busy="true"]')
      },
      element,
      { timeout: TIMEOUT_MS, polling: 500 },
    )
    await page.waitForTimeout(1000)
    const seconds = (performance.now() - start) / 1000
    const tasks = tasksOf(await browser.stopTracing())
    const { longestFrame, shownFrames } = await page.evaluate(() => {
      const { longestFrame, shownFrames } = window
      return { longestFrame, shownFrames }
    })
    const session = await page.context().newCDPSession(page)
    await session.send('HeapProfiler.collectGarbage')
    const { usedSize } = await session.send('Runtime.getHeapUsage')
    const cells = [tasks.reduce((most, task) => Math.max(most, task), 0), longestFrame, shownFrames / seconds].map(
      (cell) => cell.toFixed(0),
    )
    return `${element.padEnd(10)} ${name.padEnd(16)} ${cells[0].padStart(12)} ${cells[1].padStart(14)} ${cells[2].padStart(9)} ${(usedSize / 1e6).toFixed(1).padStart(5)}`
  } catch (error) {
    return `${element.padEnd(10)} ${name.padEnd(16)} ${(error as Error).message.split('\n')[0]}`
  } finally {
    await browser.close()
  }
}

interface TraceEvent {
  readonly name: string
  readonly tid: number
  readonly pid: number
  readonly dur?: number
  /** CPU time in µs. */
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

/** The tasks of pages' main threads, in ms of CPU time: what else runs on this machine makes a task longer by the clock only. */
function tasksOf(trace: Buffer): number[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] }
  const main = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  )
  return traceEvents
    .filter(({ name, pid, tid }) => name.endsWith('RunTask') && main.has(`${pid} ${tid}`))
    .map(({ tdur = 0 }) => tdur / 1000)
}
