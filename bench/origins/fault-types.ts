import type { Random } from '../../src/generate/random.ts'
import type { Fault } from '../../test/origins/fault-proxy.ts'

/** Of the origins in the table of faults; a fault costs as much as the timer that notices it. */
export const TIMERS = { connectMs: 2000, firstTokenMs: 2000, idleMs: 1000, totalMs: 60_000 }

export type FaultType = { readonly name: string } & (
  | {
      /** What happens to one response, in the middle of a stream at this byte. */
      readonly fault: (atByte: number, random: Random) => Fault
    }
  | {
      /** What is wrong with the origin itself. */
      readonly config: (tlsUrl: string) => object
    }
)

const status = (status: number, headers?: Record<string, string>) => () =>
  ({ kind: 'status', status, headers, body: 'injected' }) as const

export const FAULT_TYPES: readonly FaultType[] = [
  // Nobody listens there.
  { name: 'connection refused', config: () => ({ url: 'http://127.0.0.1:1' }) },
  { name: 'connection closed at once', fault: () => ({ kind: 'refuse' }) },
  { name: '400', fault: status(400) },
  { name: '500', fault: status(500) },
  { name: '503', fault: status(503) },
  { name: '429, Retry-After: 1', fault: status(429, { 'Retry-After': '1' }) },
  { name: 'slow first token', fault: () => ({ kind: 'slow', ms: TIMERS.firstTokenMs + 500 }) },
  { name: 'stall', fault: (atByte) => ({ kind: 'stall', atByte }) },
  { name: 'connection closed', fault: (atByte) => ({ kind: 'cut', atByte }) },
  { name: 'connection reset', fault: (atByte) => ({ kind: 'reset', atByte }) },
  { name: 'early end', fault: (atByte) => ({ kind: 'end', atByte }) },
  { name: 'garbage', fault: (atByte, random) => ({ kind: 'garbage', atByte, bytes: garbage(random) }) },
  { name: 'self-signed certificate', config: (url) => ({ url }) },
  { name: '404', fault: status(404) },
  { name: 'another model', config: () => ({ model: 'another-model' }) },
]

function garbage(random: Random): Uint8Array {
  return Uint8Array.from({ length: 20 }, () => Math.floor(random() * 256))
}
