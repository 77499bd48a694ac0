import { expect, it } from 'vitest'
import { modelName } from './model-name.ts'

it.each([
  ['smollm2-135m-instruct', 'SmolLM2 135M Instruct'],
  ['nanbeige4-3b-thinking-2511', 'Nanbeige4 3B Thinking 2511'],
  ['Nanbeige/Nanbeige4-3B-Thinking-2511', 'Nanbeige4 3B Thinking 2511'],
  ['qwen3-30b-a3b', 'Qwen3 30B A3B'],
  ['mixtral_8x7b_instruct', 'Mixtral 8x7B Instruct'],
  ['qwen2.5-0.5b-instruct', 'Qwen2.5 0.5B Instruct'],
  ['SmolLM2-135M-Instruct.Q4_1.gguf', 'SmolLM2 135M Instruct.Q4 1'],
  ['gpt-oss', 'GPT Oss'],
  ['通义-千问', '通义 千问'],
  ['m', 'M'],
])('%s is %s', (id, name) => expect(modelName(id)).toBe(name))
