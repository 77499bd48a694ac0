import { type Posted, postForLines } from './post.ts'

const DECODED = 33

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** Tokens a second of an answer from /generate. The first token, which waits for the request, is not timed. */
export async function decodeSpeed(worker: Posted, body: object): Promise<number> {
  let started = 0
  let count = 0
  for await (const _ of postForLines(worker, '/generate', { ...body, tokens: DECODED })) {
    if (count++ === 0) started = performance.now()
  }
  if (count !== DECODED) throw new Error(`${count} tokens came where ${DECODED} were asked for`)
  return (count - 1) / ((performance.now() - started) / 1000)
}

/** Token ids of a prompt: any will do, since the speed does not depend on them. */
export function promptOf(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 1000 + 7 * i)
}
