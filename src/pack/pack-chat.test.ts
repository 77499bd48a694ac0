import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Manifest } from '../weights/manifest.ts'
import type { ModelSource } from './model-source.ts'
import { type ChatOptions, packedChat, turnEnds } from './pack-chat.ts'

const TEXTS = [
  '<s>',
  '</s>',
  '<|im_start|>',
  '<|im_end|>',
  '<|eot_id|>',
  '<|end_header_id|>',
  '<end_of_turn>',
  '<|user|>',
  '<|assistant|>',
  '<|end|>',
  '<|eom_id|>',
  '<｜end▁of▁sentence｜>',
  '<｜Assistant｜>',
]
const added = TEXTS.map((text, id) => ({ id, text, special: true }))
const id = (text: string) => TEXTS.indexOf(text)

const FOR = '{% for message in messages %}'
const CHATML = `${FOR}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}`
const PROMPT = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

function chat(chatTemplate: string, options: ChatOptions = {}, eos = [id('</s>')]) {
  const source = {
    name: 'model.gguf',
    chatTemplate,
    tokens: { bos: 0, eos, addBos: false },
    tokenizer: { added },
    config: { vocabSize: 20 },
  } as unknown as ModelSource
  return packedChat(source, options)
}

describe('tokens that end an answer', () => {
  it.each<[string, string, string[]]>([
    ['ChatML', CHATML + PROMPT, ['</s>', '<|im_end|>']],
    [
      'Llama 3',
      `{{ bos_token }}${FOR}{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content + '<|eot_id|>' }}{% endfor %}`,
      ['</s>', '<|eot_id|>'],
    ],
    [
      'Gemma',
      `${FOR}<start_of_turn>{{ message.role }}\n{{ message.content }}<end_of_turn>\n{% endfor %}`,
      ['</s>', '<end_of_turn>'],
    ],
    [
      'Llama 2',
      `${FOR}{% if message.role == 'user' %}[INST] {{ message.content }} [/INST]{% else %} {{ message.content }} {{ eos_token }}{% endif %}{% endfor %}`,
      ['</s>'],
    ],
    ['one that says nothing behind an answer', `${FOR}{{ message.content }}\n{% endfor %}`, ['</s>']],
    ['one that only parts what is said', `${FOR}{{ message.content }}<|im_end|>{% endfor %}`, ['</s>', '<|im_end|>']],
    // Its last token opens the next turn.
    [
      'one that always asks for an answer',
      `${FOR}<|im_start|>{{ message.role }}\n{{ message.content }}\n{% endfor %}<|im_start|>assistant\n`,
      ['</s>'],
    ],
    [
      'one whose turns have headers only',
      `${FOR}<|{{ message.role }}|>\n{{ message.content }}\n{% endfor %}<|assistant|>\n`,
      ['</s>'],
    ],
    // It is only named where tools are called.
    [
      'one that wants the user to speak last',
      `${FOR}{% if loop.last and message.role == 'assistant' %}{{ raise_exception('no') }}{% endif %}{{ message.content }}{% if message.tool_calls %}<|eot_id|>{% endif %}{% endfor %}`,
      ['</s>', '<|eot_id|>'],
    ],
  ])('of %s', (_, template, ends) => {
    expect(chat(template).tokens.eos).toEqual(ends.map(id))
  })

  // Of the published templates, each with all the tokens that some of them write.
  it.each([
    ['chatml', ['<|im_end|>']],
    ['deepseek-r1', ['<｜end▁of▁sentence｜>']],
    ['gemma-2', ['<end_of_turn>']],
    ['llama-2', []],
    ['llama-3.1', ['<|eot_id|>', '<|eom_id|>']],
    ['mistral-nemo', []],
    ['nanbeige-4', ['<|im_end|>']],
    ['phi-3.5', ['<|end|>']],
    ['qwen-2.5', ['<|im_end|>']],
    ['qwen-3', ['<|im_end|>']],
    ['qwen-3-coder', ['<|im_end|>']],
    ['smollm-3', ['<|im_end|>']],
  ])('of %s, beside </s>', (name, ends) => {
    const { tokens } = chat(readFileSync(`test/fixtures/chat-templates/${name}.jinja`, 'utf8'))
    expect(tokens.eos.map((end) => TEXTS[end])).toEqual(['</s>', ...ends])
  })

  it('are those that were chosen', () => {
    expect(chat(CHATML, { eos: ['<|eot_id|>', '12'] }).tokens.eos).toEqual([id('<|eot_id|>'), 12])
    expect(chat(CHATML, { eos: ['12', '12'] }).tokens.eos).toEqual([12])
    expect(() => chat(CHATML, { eos: ['<|nothing|>'] })).toThrow(/--eos: "<\|nothing\|>" is neither/)
    expect(() => chat(CHATML, { eos: ['20'] })).toThrow(/--eos: "20" is neither/)
  })

  it('may be known from the template alone, but have to be known', () => {
    expect(chat(CHATML, {}, []).tokens.eos).toEqual([id('<|im_end|>')])
    expect(() => chat(`${FOR}{{ message.content }}{% endfor %}`, {}, [])).toThrow(
      /no token is known to end an answer.*--eos/,
    )
  })

  it('are found in a pack that lacks them', () => {
    const old = { chatTemplate: CHATML, tokens: { bos: null, eos: [1], addBos: false } } as unknown as Manifest
    expect(turnEnds(old, added).map(({ text }) => text)).toEqual(['<|im_end|>'])
    expect(turnEnds({ ...old, chatTemplate: '{% for' }, added)).toEqual([])
  })
})

describe('a chat template', () => {
  it.each<[string, string, string, RegExp]>([
    ['that is not there', 'template_missing', '', /no chat template.*--chat-template FILE.*base models/],
    ['of nothing but space', 'template_missing', ' \n', /no chat template/],
    ['that is not closed', 'template_invalid', `${FOR}{{ message.content }}`, /broken/],
    ['with an empty loop', 'template_invalid', '{% for %}', /broken/],
    ['cut inside an expression', 'template_invalid', '{{ messages', /broken/],
    ['that calls what nobody knows', 'template_invalid', '{{ nothing_of_that_name(messages) }}', /broken/],
    ['that refuses every chat', 'template_invalid', "{{ raise_exception('never') }}", /broken \(.*never/],
    ['that leaves out the user', 'template_invalid', 'Hello', /broken \(it leaves out the question of the user\)/],
    [
      'that leaves out the assistant',
      'template_invalid',
      `${FOR}{% if message.role == 'user' %}{{ message.content }}{% endif %}{% endfor %}`,
      /broken \(it leaves out the answer of the assistant\)/,
    ],
  ])('%s is refused', (_, code, template, message) => {
    expect(() => chat(template)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })

  it('takes the place of what the model has', () => {
    for (const own of ['', '{% for %}', CHATML]) {
      expect(chat(own, { chatTemplate: CHATML + PROMPT }).chatTemplate).toBe(CHATML + PROMPT)
    }
  })
})
