import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CHATML } from '../../test/fake-model.ts'
import { ChatTemplateError, checkTemplate } from './check-template.ts'

const FOLDER = 'test/fixtures/chat-templates'

describe('checkTemplate', () => {
  test.each(readdirSync(FOLDER).filter((file) => file.endsWith('.jinja')))('takes %s', (file) => {
    const bytes = readFileSync(`${FOLDER}/${file}`)
    expect(checkTemplate(bytes)).toBe(bytes.toString())
  })

  test.each([
    ['', 'is empty'],
    [' \n', 'is empty'],
    ['{% for %}', 'cannot be parsed'],
    ['{% for m in messages %}', 'cannot be parsed'],
    ['{{ messages | nothing }}', "fails on a small chat: there is no filter 'nothing'"],
    ["{{ raise_exception('no') }}", 'fails on a small chat: no'],
    ['{% for m in messages %}{{ m.role }}{% endfor %}', 'leaves out what the user says'],
    [Uint8Array.of(...new TextEncoder().encode(CHATML), 0xff), 'is not UTF-8'],
  ])('refuses %j', (source, reason) => {
    expect(() => checkTemplate(source)).toThrow(ChatTemplateError)
    expect(() => checkTemplate(source)).toThrow(reason)
  })
})
