import type { SliceAnswer, SliceQuery } from './head-slice.ts'

// Between the session and a stage: HTTP, since that works the same through a Durable Object, a service binding and between processes.
//
//   POST   /load                                     load the weights now
//   POST   /sessions/:id/forward?position=N[&keep=last]   hidden (count, hiddenSize) f32 -> the same, or its last vector only
//   DELETE /sessions/:id                             give the KV cache back
//   POST   /distribution                             query and hidden (hiddenSize) f32 -> SliceAnswer
//
// Vectors are little endian, as Wasm memory is. An error is { code, message } with a status of 400 and up.

/** Only makes the URLs complete: the binding decides where they go. */
export const STAGE_ORIGIN = 'https://stage.invalid'

export interface StageFailure {
  readonly code: string
  readonly message: string
}

const LENGTH_BYTES = 4

/** Length of the query's JSON (u32), the JSON, padding to whole floats, hidden. */
export function encodeQuery(query: SliceQuery, hidden: Float32Array): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(query))
  const start = LENGTH_BYTES + Math.ceil(json.length / 4) * 4
  const body = new Uint8Array(start + hidden.byteLength)
  new DataView(body.buffer).setUint32(0, json.length, true)
  body.set(json, LENGTH_BYTES)
  body.set(bytesOf(hidden), start)
  return body
}

export function decodeQuery(body: ArrayBuffer): { query: SliceQuery; hidden: Float32Array } {
  const length = new DataView(body).getUint32(0, true)
  const json = new TextDecoder().decode(new Uint8Array(body, LENGTH_BYTES, length))
  return {
    query: JSON.parse(json),
    hidden: new Float32Array(body, LENGTH_BYTES + Math.ceil(length / 4) * 4),
  }
}

export function bytesOf(floats: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(floats.buffer as ArrayBuffer, floats.byteOffset, floats.byteLength)
}

/** JSON has no numbers that are not finite and writes null for them: the sampler refuses such logits by that name. */
export function decodeAnswer(answer: SliceAnswer): SliceAnswer {
  const finite = (value: number | null) => value ?? Number.NaN
  return {
    ...answer,
    logits: answer.logits.map(finite),
    raw: answer.raw.map(finite),
    logSumExp: finite(answer.logSumExp),
  }
}
