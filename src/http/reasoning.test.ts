import { expect, test } from 'vitest'
import { fakeApp, HELLO, post } from '../../test/support/fake-app.ts'
import { FakeModel, fakeChat, templateFor } from '../../test/support/fake-model.ts'
import { chatRequest, completionBody } from './schemas.ts'

const budgetOf = (change: object) => chatRequest(completionBody.parse({ ...HELLO, ...change }), '{}').reasoningBudget

test.each([
  [{}, undefined],
  [{ reasoning_effort: null, max_reasoning_tokens: null, thinking: null, reasoning: null }, undefined],
  [{ reasoning_effort: 'none' }, 0],
  [{ reasoning_effort: 'minimal' }, 128],
  [{ reasoning_effort: 'low' }, 512],
  [{ reasoning_effort: 'medium' }, 2048],
  [{ reasoning_effort: 'high' }, 8192],
  [{ reasoning_effort: 'xhigh' }, undefined],
  [{ reasoning_effort: 'max' }, undefined],
  [{ max_reasoning_tokens: 0 }, 0],
  [{ max_reasoning_tokens: 100, reasoning_effort: 'high' }, 100],
  [{ thinking: { type: 'disabled' } }, 0],
  [{ thinking: { type: 'enabled' } }, undefined],
  [{ thinking: { type: 'enabled', budget_tokens: 300 } }, 300],
  [{ reasoning: { effort: 'low' } }, 512],
  [{ reasoning: { effort: 'low', max_tokens: 64 } }, 64],
  [{ reasoning: { enabled: false, max_tokens: 64 } }, 0],
])('%j is a budget of %s', (change, budget) => {
  expect(budgetOf(change)).toBe(budget)
})

test.each([
  [{ reasoning_effort: 'much' }, 'reasoning_effort'],
  [{ max_reasoning_tokens: -1 }, 'max_reasoning_tokens'],
  [{ thinking: { type: 'maybe' } }, 'thinking.type'],
  [{ reasoning: { max_tokens: 1.5 } }, 'reasoning.max_tokens'],
])('%j is refused', async (change, param) => {
  const response = await post(fakeApp(), { ...HELLO, ...change })
  expect([response.status, await response.json()]).toMatchObject([400, { error: { code: 'invalid_value', param } }])
})

test('the budget closes the reasoning', async () => {
  const endless = new FakeModel((_, answer) => (answer.includes('</think>') ? answer : '<think>'.padEnd(999, '.')))
  const response = await post(fakeApp(fakeChat(endless)), { ...HELLO, max_reasoning_tokens: 5 })
  expect(await response.json()).toMatchObject({
    choices: [{ message: { reasoning_content: '....', content: '' }, finish_reason: 'stop' }],
    usage: { completion_tokens: 9, completion_tokens_details: { reasoning_tokens: 9 } },
  })
})

test('a message that has only thoughts yet goes on within them', async () => {
  const template = templateFor(`{%- for message in messages -%}<|im_start|>{{ message.role }}
{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}{{ message.content }}<|im_end|>
{% endfor -%}{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}`)
  const app = fakeApp(fakeChat(new FakeModel('<think>Hm, so yes.</think>Yes.'), { template }))
  const begun = { role: 'assistant', content: '', reasoning_content: 'Hm, so' }
  const body = { messages: [...HELLO.messages, begun], continue_final_message: true }
  expect(await (await post(app, body)).json()).toMatchObject({
    choices: [{ message: { reasoning_content: ' yes.', content: 'Yes.' }, finish_reason: 'stop' }],
  })
  expect(await (await post(app, { ...body, max_reasoning_tokens: 2 })).json()).toMatchObject({
    choices: [{ message: { reasoning_content: expect.stringMatching(/^ y/) } }],
  })
})
