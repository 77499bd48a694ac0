import { readFile } from 'node:fs/promises'

/** One text of the reference: token ids, cut to a fixed length, without BOS. */
export interface ReferenceText {
  readonly name: string
  readonly kind: 'prose' | 'code' | 'mathematics' | 'chat' | 'mixed'
  readonly tokens: readonly number[]
}

/**
 * Next-token distributions of the exactly dequantized model, made by logits.py. Row `text * positions + (position -
 * firstPosition)` is the distribution after tokens 0 .. position of a text, teacher-forced.
 */
export interface Reference {
  /** The GGUF file that the distributions belong to. */
  readonly model: { readonly file: string; readonly sha256: string }
  readonly vocabSize: number
  /** First scored position of every text. */
  readonly firstPosition: number
  /** Scored positions of every text. */
  readonly positions: number
  /** Tokens kept of every distribution, in descending order of probability. */
  readonly top: number
  readonly texts: readonly ReferenceText[]
  /** (rows, top) token ids. */
  readonly topIds: Uint16Array
  /** (rows, top) natural logarithms of their probabilities. */
  readonly topLogprobs: Float32Array
  /** (rows) log-probability of all other tokens together. */
  readonly restLogprobs: Float32Array
  /** (rows) log-probability of the token that follows in the text. */
  readonly nextLogprobs: Float32Array
}

/** A model's next-token distribution at one position, as far as the comparison asks for it. */
export interface ModelDistribution {
  /** Natural logarithm of the probability of a token, at temperature 1. */
  logprob(id: number): number
  /** The most likely token. */
  readonly top1: number
}

/** How far a model's distributions are from the reference's. */
export interface Divergence {
  readonly positions: number
  /** Mean over positions of KL(reference || model) in nats, on the reference's top tokens and one bucket for the rest. */
  readonly meanKl: number
  readonly p99Kl: number
  /** Share of positions at which both have the same most likely token. */
  readonly sameTop1: number
  readonly perplexity: number
  readonly referencePerplexity: number
  /** Model over reference: above 1, the model predicts the texts worse. */
  readonly perplexityRatio: number
}

/** Reads test/fixtures/logits-{reference,long}.{json,bin}, in Node: texts of 102 tokens, or the ends of texts of 2,048. */
export async function readReference(name: 'reference' | 'long' = 'reference'): Promise<Reference> {
  const [json, bytes] = await Promise.all([
    readFile(new URL(`../fixtures/logits-${name}.json`, import.meta.url), 'utf8'),
    readFile(new URL(`../fixtures/logits-${name}.bin`, import.meta.url)),
  ])
  return parseReference(json, bytes)
}

/** Throws a RangeError when the binary part does not have the size that the json part announces. */
export function parseReference(json: string, bytes: Uint8Array): Reference {
  const header = JSON.parse(json) as Omit<Reference, 'topIds' | 'topLogprobs' | 'restLogprobs' | 'nextLogprobs'>
  const rows = header.texts.length * header.positions
  const cells = rows * header.top
  const floatsStart = cells * Uint16Array.BYTES_PER_ELEMENT
  const expected = floatsStart + (cells + 2 * rows) * Float32Array.BYTES_PER_ELEMENT
  if (bytes.byteLength !== expected) {
    throw new RangeError(
      `the .bin file has ${bytes.byteLength} bytes, its .json needs ${expected}: run logits.py again`,
    )
  }
  const { buffer } = new Uint8Array(bytes)
  const floats = new Float32Array(buffer, floatsStart)
  return {
    ...header,
    topIds: new Uint16Array(buffer, 0, cells),
    topLogprobs: floats.subarray(0, cells),
    restLogprobs: floats.subarray(cells, cells + rows),
    nextLogprobs: floats.subarray(cells + rows),
  }
}

/** The distribution given by a row of logits (vocab), or of log-probabilities: they are normalized here. */
export function fromLogits(logits: ArrayLike<number>): ModelDistribution {
  let top1 = 0
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[top1]) top1 = id
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - logits[top1])
  const logSumExp = logits[top1] + Math.log(sum)
  return { top1, logprob: (id) => logits[id] - logSumExp }
}

/** Below this the remaining mass is rounding noise of 1 - (sum of the top tokens) in float32 log-probabilities. */
const SMALLEST_REST = 1e-7

/** KL(reference || model) in nats at one row: over the top tokens, and the rest of the vocabulary as one event. */
function divergenceAt(reference: Reference, row: number, model: ModelDistribution): number {
  let kl = 0
  let modelRest = 1
  for (let i = row * reference.top; i < (row + 1) * reference.top; i++) {
    const logprob = model.logprob(reference.topIds[i])
    kl += Math.exp(reference.topLogprobs[i]) * (reference.topLogprobs[i] - logprob)
    modelRest -= Math.exp(logprob)
  }
  const restLogprob = reference.restLogprobs[row]
  return kl + Math.exp(restLogprob) * (restLogprob - Math.log(Math.max(modelRest, SMALLEST_REST)))
}

/** Nearest-rank percentile of unsorted values. */
function percentile(values: Float64Array, percent: number): number {
  return values.toSorted()[Math.ceil((percent / 100) * values.length) - 1]
}

/**
 * Compares a model with the reference. `distributionAt` gives the model's distribution after tokens 0 .. position of a
 * text. It is called text by text, positions ascending, and each answer is used up before the next call, so that it may
 * be a view of the model's own state.
 */
export async function compare(
  reference: Reference,
  distributionAt: (text: number, position: number) => ModelDistribution | Promise<ModelDistribution>,
): Promise<Divergence> {
  const { texts, firstPosition, positions, top, topIds, nextLogprobs } = reference
  const kl = new Float64Array(texts.length * positions)
  let sameTop1 = 0
  let nextLogprobSum = 0
  for (let row = 0; row < kl.length; row++) {
    const text = Math.floor(row / positions)
    const position = firstPosition + (row % positions)
    const model = await distributionAt(text, position)
    kl[row] = divergenceAt(reference, row, model)
    if (model.top1 === topIds[row * top]) sameTop1++
    nextLogprobSum += model.logprob(texts[text].tokens[position + 1])
  }
  const perplexity = Math.exp(-nextLogprobSum / kl.length)
  const referencePerplexity = Math.exp(-sum(nextLogprobs) / kl.length)
  return {
    positions: kl.length,
    meanKl: sum(kl) / kl.length,
    p99Kl: percentile(kl, 99),
    sameTop1: sameTop1 / kl.length,
    perplexity,
    referencePerplexity,
    perplexityRatio: perplexity / referencePerplexity,
  }
}

function sum(values: Float32Array | Float64Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}
