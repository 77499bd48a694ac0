import type { StopRules } from '../../src/generate/types.ts'

/** The EOS token ends the answer whenever it comes. */
export const NO_RULES: StopRules = { minTokens: 0, ignoreEos: false, stopTokenIds: [] }
