import type { z } from 'zod'

/** Settings that would change the answer in ways that this server cannot keep: each with the values that ask for nothing. */
const UNSUPPORTED: readonly { param: string; allows: (value: unknown) => boolean; advice: string }[] = [
  { param: 'n', allows: (value) => value === 1, advice: 'Only one answer a request can be given: leave n out.' },
  {
    param: 'tool_choice',
    allows: (value) => value === 'auto' || value === 'none',
    advice: "The model cannot be forced to call a tool: use 'auto' or 'none'.",
  },
  {
    param: 'response_format',
    allows: (value) => (value as { type?: unknown }).type === 'text',
    advice: "Structured output is not available: use { type: 'text' }.",
  },
  {
    param: 'modalities',
    allows: (value) => Array.isArray(value) && value.every((modality) => modality === 'text'),
    advice: "The model writes text only: use ['text'].",
  },
  { param: 'audio', allows: never, advice: 'The model writes text only.' },
  { param: 'functions', allows: never, advice: 'Use tools instead.' },
  { param: 'function_call', allows: never, advice: 'Use tool_choice instead.' },
  { param: 'web_search_options', allows: never, advice: 'This server does not search the web.' },
]

function never(): boolean {
  return false
}

/** Issues for everything in the body that cannot be honoured. */
export function rejectUnsupported(body: Record<string, unknown>): z.core.$ZodRawIssue[] {
  return UNSUPPORTED.filter(({ param, allows }) => body[param] != null && !allows(body[param])).map(
    ({ param, advice }) => ({
      code: 'custom',
      input: body[param],
      path: [param],
      message: `This value of ${param} is not supported. ${advice}`,
      params: { code: 'unsupported_parameter' },
    }),
  )
}
