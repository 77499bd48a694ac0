import { createRandom } from '../../src/generate/random.ts'
import { parseOrigins } from '../../src/origin/origin-config.ts'
import { openOrigins } from '../../src/origin/origins.ts'
import { type Collected, collect, requestOf } from './collect.ts'
import { tokenizer } from './letters-model.ts'

export interface OnceRequest {
  /** As in the variable ORIGINS. */
  readonly origins: readonly object[]
  readonly secrets: Readonly<Record<string, string>>
  /** They have been asked for their models and tokenizers before. */
  readonly areChecked: boolean
}

export interface Answered {
  readonly got: Collected
  readonly lines: { readonly event: string; readonly code?: string; readonly message?: string }[]
  readonly health: unknown
}

/** One answer of origins that nobody has asked before, and what the log and the health check say afterwards. */
export async function answerOnce({ origins: configs, secrets, areChecked }: OnceRequest): Promise<Answered> {
  const lines: Answered['lines'] = []
  const origins = await openOrigins(parseOrigins(configs, secrets), {
    tokenizer,
    log: (entry) => lines.push(entry),
    random: createRandom(1),
  })
  if (areChecked) await origins.check()
  return { got: await collect(origins.continueAtOrigin(requestOf())), lines, health: origins.health() }
}
