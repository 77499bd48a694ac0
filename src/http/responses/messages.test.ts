import { describe, expect, test } from 'vitest'
import type { Item } from './items.ts'
import { chatMessages } from './messages.ts'

const user: Item = { type: 'message', role: 'user', content: 'Hi' }
const said = (content: string): Item => ({ type: 'message', role: 'assistant', content })
const call = (name: string): Item => ({ type: 'function_call', call_id: `c-${name}`, name, arguments: '{}' })
const output = (name: string): Item => ({ type: 'function_call_output', call_id: `c-${name}`, output: '1' })
const thought = (text: string): Item => ({ type: 'reasoning', content: [{ text }], summary: [{ text: 'short' }] })

const toolCall = (name: string) => ({ id: `c-${name}`, type: 'function', function: { name, arguments: '{}' } })
const tool = (name: string) => ({ role: 'tool', tool_call_id: `c-${name}`, content: '1' })

describe('items as messages', () => {
  test('instructions come first', () => {
    expect(chatMessages('Be brief.', [user])).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ])
  })

  test('what an assistant thinks, says and calls in one turn is one message', () => {
    expect(chatMessages(null, [thought('Hm'), said('So:'), call('f'), call('g'), output('f'), output('g')])).toEqual([
      { role: 'assistant', reasoning_content: 'Hm', content: 'So:', tool_calls: [toolCall('f'), toolCall('g')] },
      tool('f'),
      tool('g'),
    ])
  })

  test.each<[string, Item[], object[]]>([
    ['text after text', [said('a'), said('b')], [{ content: 'a' }, { content: 'b' }]],
    ['text after a call', [call('f'), said('a')], [{ content: 'a', tool_calls: [toolCall('f')] }]],
    [
      'a call after an output',
      [call('f'), output('f'), call('g')],
      [{ tool_calls: [toolCall('f')] }, tool('f'), { content: '', tool_calls: [toolCall('g')] }],
    ],
    ['thoughts after text', [said('a'), thought('b')], [{ content: 'a' }, { reasoning_content: 'b', content: '' }]],
    ['text after a question', [said('a'), user, said('b')], [{ content: 'a' }, { role: 'user' }, { content: 'b' }]],
  ])('%s', (_, items, messages) => {
    const read = chatMessages(null, items)
    expect(read).toMatchObject(messages)
    expect(read.length).toBe(messages.length)
  })

  test('of reasoning whose text the client has dropped the summary is left', () => {
    const [message] = chatMessages(null, [{ type: 'reasoning', summary: [{ text: 'a' }, { text: 'b' }] }])
    expect(message.reasoning_content).toBe('a\n\nb')
  })
})
