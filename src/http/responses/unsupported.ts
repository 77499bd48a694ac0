import { isNothing, never, type UnsupportedSetting } from '../unsupported.ts'

/** Settings of the Responses API that cannot be kept here, and those of chat completions that it writes in other ways. */
export const UNSUPPORTED: readonly UnsupportedSetting[] = [
  {
    param: 'truncation',
    allows: (value) => value === 'disabled',
    advice: 'Turns are never left out unasked: leave it out, and shorten the input.',
  },
  { param: 'conversation', allows: never, advice: 'Continue a response by previous_response_id.' },
  { param: 'prompt', allows: never, advice: 'There are no stored prompts: write it into instructions and input.' },
  { param: 'context_management', allows: isNothing, advice: 'Leave it out, and shorten the input.' },
  { param: 'moderation', allows: isNothing, advice: 'This server moderates nothing: leave it out.' },
  { param: 'messages', allows: never, advice: 'In the Responses API messages are items of input.' },
  { param: 'response_format', allows: never, advice: 'In the Responses API it is text.format.' },
  ...['max_tokens', 'max_completion_tokens'].map((param) => ({
    param,
    allows: never,
    advice: 'In the Responses API it is max_output_tokens.',
  })),
  { param: 'reasoning_effort', allows: never, advice: 'In the Responses API it is reasoning.effort.' },
  { param: 'n', allows: (value) => value === 1, advice: 'A response is one answer: leave it out.' },
]
