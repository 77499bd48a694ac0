import type { Merger } from './merger.ts'

/** Appends the ids of a text without added tokens to `output`, and yields after each step of work. The merger is nobody else's meanwhile. */
export type EncodeText = (text: string, output: number[], merger: Merger) => Generator<void>
