// Writes test/fixtures/logits-llamacpp{,-long}.json: how far llama.cpp itself is from the references, on the same GGUF.
//
//   npx node bench/peers/llama-kl.ts path/to/SmolLM2-135M-Instruct.Q4_1.gguf     (some four minutes)

import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import type { Token } from 'node-llama-cpp'
import { compare, type Divergence, fromLogits, type Reference, readReference } from '../../test/reference/kl.ts'
import { openLlama } from './llama.ts'

export interface LlamaDivergence extends Divergence {
  readonly version: string
  readonly model: { readonly file: string; readonly sha256: string }
}

/** Compares llama.cpp (one CPU thread, f16 KV cache) with the reference. Throws if the GGUF is not the reference's. */
export async function llamaDivergence(modelPath: string, reference: Reference): Promise<LlamaDivergence> {
  const sha256 = createHash('sha256')
    .update(await readFile(modelPath))
    .digest('hex')
  if (sha256 !== reference.model.sha256) {
    throw new Error(
      `${modelPath} is not the ${reference.model.file} that the reference was made from: sha256 ${sha256}`,
    )
  }

  const { version, sequence, dispose } = await openLlama(modelPath, reference.texts[0].tokens.length)
  try {
    let evaluated = -1
    const divergence = await compare(reference, async (text, position) => {
      const { tokens } = reference.texts[text]
      if (text !== evaluated) {
        await sequence.clearHistory()
        await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, position) as Token[])
        evaluated = text
      }
      // All logits, though only the top ones are compared: the totalLogitWeight that the library offers to normalize them
      // is a float32 sum, wrong in the fourth digit. Sampling is not asked for, but the filters of its defaults would apply.
      const [result] = await sequence.controlledEvaluate([
        [
          tokens[position] as Token,
          { generateNext: { logits: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } },
        ],
      ])
      const logits = new Float32Array(reference.vocabSize).fill(Number.NEGATIVE_INFINITY)
      for (const [id, logit] of result!.next.logits!) logits[id] = logit
      return fromLogits(logits)
    })
    return { version, model: reference.model, ...divergence }
  } finally {
    await dispose()
  }
}

if (import.meta.main) {
  for (const [name, file] of [
    ['reference', 'logits-llamacpp.json'],
    ['long', 'logits-llamacpp-long.json'],
  ] as const) {
    const result = await llamaDivergence(process.argv[2], await readReference(name))
    await writeFile(new URL(`../../test/fixtures/${file}`, import.meta.url), `${JSON.stringify(result, null, 2)}\n`)
    console.log(result)
  }
}
