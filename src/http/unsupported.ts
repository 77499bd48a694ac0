import type { z } from 'zod'

/** A setting that would change the answer in ways that this server cannot keep, with the values of it that ask for nothing. */
export interface UnsupportedSetting {
  readonly param: string
  readonly allows: (value: unknown) => boolean
  readonly advice: string
}

/** Of chat completions. */
const UNSUPPORTED: readonly UnsupportedSetting[] = [
  {
    param: 'modalities',
    allows: (value) => Array.isArray(value) && value.every((modality) => modality === 'text'),
    advice: "The model writes text only: use ['text'].",
  },
  { param: 'audio', allows: never, advice: 'The model writes text only.' },
  { param: 'functions', allows: never, advice: 'Use tools instead.' },
  { param: 'function_call', allows: never, advice: 'Use tool_choice instead.' },
  { param: 'web_search_options', allows: never, advice: 'This server does not search the web.' },
  // Of vLLM, SGLang and llama.cpp.
  ...['structural_tag', 'guided_decoding', 'guided_whitespace_pattern', 'grammar_lazy', 'grammar_triggers'].map(
    (param) => ({
      param,
      allows: isNothing,
      advice: 'Say what form the answer has with response_format or structured_outputs.',
    }),
  ),
  ...['best_of', 'use_beam_search', 'prompt_logprobs', 'prompt_embeds', 'suffix', 'return_token_ids'].map((param) => ({
    param,
    allows: (value: unknown) => value === false || (param === 'best_of' && value === 1),
    advice: 'Leave it out.',
  })),
  ...['bad_words', 'allowed_token_ids', 'logits_processors', 'samplers'].map((param) => ({
    param,
    allows: isNothing,
    advice: 'Leave it out; logit_bias keeps tokens from being chosen.',
  })),
  ...['length_penalty', 'typical_p', 'tfs_z', 'dynatemp_exponent'].map((param) => ({
    param,
    allows: (value: unknown) => value === 1,
    advice: 'Leave it out.',
  })),
  ...['mirostat', 'xtc_probability', 'dry_multiplier', 'dynatemp_range', 'truncate_prompt_tokens', 'top_n_sigma'].map(
    (param) => ({ param, allows: isNothing, advice: 'Leave it out.' }),
  ),
  ...['chat_template', 'documents', 'lora_request'].map((param) => ({
    param,
    allows: isNothing,
    advice: "The model's own template writes the prompt: leave it out. reasoning_effort says how long to think.",
  })),
  {
    param: 'include_stop_str_in_output',
    allows: isNothing,
    advice: 'A stop string ends the answer and is no part of it: leave it out.',
  },
  {
    param: 'skip_special_tokens',
    allows: (value) => value === true,
    advice: 'Control tokens are no part of an answer: leave it out.',
  },
]

export function never(): boolean {
  return false
}

/** What asks for nothing: false, 0, and what is empty. */
export function isNothing(value: unknown): boolean {
  return (
    value === false || value === 0 || value === '' || (typeof value === 'object' && Object.keys(value!).length === 0)
  )
}

/** Issues for everything in the body that cannot be honoured. */
export function rejectUnsupported(
  body: Record<string, unknown>,
  settings: readonly UnsupportedSetting[] = UNSUPPORTED,
): z.core.$ZodRawIssue[] {
  return settings
    .filter(({ param, allows }) => body[param] != null && !allows(body[param]))
    .map(({ param, advice }) => ({
      code: 'custom',
      input: body[param],
      path: [param],
      message: `This value of ${param} is not supported. ${advice}`,
      params: { code: 'unsupported_parameter' },
    }))
}
