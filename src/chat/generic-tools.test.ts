import { describe, expect, test } from 'vitest'
import { run } from '../../test/support/fake-chat.ts'
import { FakeModel, fakeChat, templateFor } from '../../test/support/fake-model.ts'
import type { ChatRequest } from './complete.ts'
import { needsGenericTools, withGenericTools } from './generic-tools.ts'

const PLAIN = `{%- for m in messages -%}
<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}`
const template = templateFor(PLAIN)
const weather = {
  type: 'function',
  function: {
    name: 'weather',
    parameters: { type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } }, required: ['city'] },
  },
}
const CALL = '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>'
const user = { role: 'user', content: 'Warm in Rome?' } as const

/** A model without tokens for tags, and with a template without tools. */
function ask(script: string, request: Partial<ChatRequest>) {
  return run(fakeChat(new FakeModel(script, 4096, true), { template, tags: new Map() }), {
    tools: [weather],
    ...request,
  })
}

function prompt(request: Partial<ChatRequest>): Promise<string> {
  const seen = Promise.withResolvers<string>()
  const model = new FakeModel((prompt) => {
    seen.resolve(prompt)
    return 'Hi'
  })
  return run(fakeChat(model, { template, tags: new Map() }), request).then(() => seen.promise)
}

describe('the prompt', () => {
  test('says which tools there are, behind what the system says', async () => {
    const messages = [{ role: 'system', content: 'Be brief.' } as const, user]
    const text = await prompt({ tools: [weather], messages })
    expect(text).toContain(JSON.stringify(weather))
    expect(text.indexOf('Be brief.')).toBeLessThan(text.indexOf('<tools>'))
    expect(text.match(/system/g)).toHaveLength(1)
    expect(await prompt({ tools: [weather], messages: [user] })).toMatch(/^system\nYou can call/)
  })

  test('has earlier calls and their results', async () => {
    const call = { id: '1', type: 'function', function: { name: 'weather', arguments: '{"city": "Rome"}' } }
    const messages = [
      user,
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: '1', content: '21 °C' },
    ] as const
    const text = await prompt({ messages })
    expect(text).toContain(`assistant\n${CALL}`)
    expect(text).toContain('user\n<tool_response>\n21 °C\n</tool_response>')
    expect(text).not.toContain('You can call')
  })

  test('is the template’s own where it has a place for tools', () => {
    const own = fakeChat(new FakeModel('')).template
    expect(needsGenericTools(own, { messages: [user], tools: [weather] })).toBe(false)
    expect(needsGenericTools(template, { messages: [user], tools: [] })).toBe(false)
    expect(withGenericTools({ messages: [user] }).messages).toEqual([user])
  })
})

describe('calls', () => {
  test('are made where one is required, whatever the model says', async () => {
    for (const script of ['No idea.', '', '<tool_call>{"name": "x"']) {
      const { text, toolArguments, finish } = await ask(script, { toolChoice: 'required', parallelToolCalls: false })
      expect(text).toBe('')
      expect(toolArguments).toMatch(/^\{\s*"city":\s*"(Paris|Rome)"\s*\}$/)
      expect(finish?.reason).toBe('tool_calls')
    }
  })

  test('are held from the spelled tag on, and what else the model says is free', async () => {
    const { text, toolArguments, finish } = await ask(`I look. ${CALL.replace('Rome', 'Oslo')}`, {})
    expect(text).toBe('I look. ')
    expect(toolArguments).toMatch(/"(Paris|Rome)"/)
    expect(finish?.reason).toBe('tool_calls')
    expect((await ask('a < b, <tool_x>', {})).text).toBe('a < b, <tool_x>')
  })

  test('may be several, and the answer may go on', async () => {
    const { events, text } = await ask(`${CALL}${CALL}Done.`, {})
    expect(events.filter(({ type }) => type === 'toolCall')).toHaveLength(2)
    expect(text).toBe('Done.')
    const one = await ask(`${CALL}${CALL}Done.`, { parallelToolCalls: false })
    expect(one.events.filter(({ type }) => type === 'toolCall')).toHaveLength(1)
  })

  test('leave the logprobs of the content', async () => {
    const { logprobs } = await ask('Hi', { topLogprobs: 0 })
    expect(logprobs.map(({ token }) => token)).toEqual(['H', 'i'])
  })
})
