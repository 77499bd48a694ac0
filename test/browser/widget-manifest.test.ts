import { readFile } from 'node:fs/promises'
import { Ajv } from 'ajv'
import schema from 'custom-elements-manifest/schema.json' with { type: 'json' }
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ApiError } from '../../src/http/errors.ts'
import manifest from '../../src/widget/custom-elements.json' with { type: 'json' }
import { words } from '../support/scripted-answer.ts'
import { type Script, type ScriptedChat, startScriptedChat } from '../support/scripted-chat.ts'
import { chromiumPath, launchChromium } from './chromium.ts'

const [chat, launcher] = manifest.modules[0].declarations
const names = (entries: readonly { readonly name: string }[]) => entries.map(({ name }) => name).sort()

test('the manifest keeps to the schema', () => {
  const validate = new Ajv({ strict: false }).compile(schema)
  expect(validate(manifest), JSON.stringify(validate.errors)).toBe(true)
})

test('docs/widget.md names all that the manifest has', async () => {
  const docs = await readFile('docs/widget.md', 'utf8')
  const lists = [chat, launcher].flatMap(({ attributes, members, events, slots, cssParts, cssProperties }) =>
    [attributes, members, events, slots, cssParts, cssProperties].flatMap(names),
  )
  const isNamed = (name: string) => new RegExp(`\`${name}[\`(]`).test(docs)
  expect(lists.filter((name) => name !== '' && !isNamed(name))).toEqual([])
})

describe.skipIf(!chromiumPath)('the element in Chromium (needs one: set CHROMIUM to its path)', () => {
  const script: Script = (question) => {
    if (question === 'Fail!') return [new ApiError(500, 'broken', 'It is broken.')]
    const call = { index: 0, id: 'call', type: 'function', function: { name: 'ring', arguments: '{}' } }
    if (question === 'Call!') return [{ delta: { tool_calls: [call] } }, { finish: 'tool_calls' }]
    const edge = { source: 'edge', reason: 'may-get-long', edge_tokens: 0 }
    if (question === 'Wait!') return [{ delta: { content: 'A moment.' }, nanbeige: edge }, 'hold']
    return [
      { delta: { reasoning_content: 'Hm.' }, nanbeige: edge },
      ...words('content', 'One '),
      { delta: { content: 'two.' }, nanbeige: { source: 'origin', origin: 'gpu', reason: 'budget', edge_tokens: 3 } },
      { finish: 'length' },
    ]
  }
  let api: ScriptedChat
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    api = await startScriptedChat(script)
    browser = await launchChromium()
    page = await browser.newPage()
    await page.goto(api.url)
    await page.locator('nanbeige-chat textarea').waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    await api?.stop()
  })

  test.each([chat, launcher])('<$tagName> has the attributes, properties and methods', async (declaration) => {
    const element = await page.evaluate(
      ({ tagName, members }) => {
        const element = document.createElement(tagName)
        const { observedAttributes } = customElements.get(tagName) as unknown as { observedAttributes: string[] }
        return {
          observedAttributes,
          types: members.map(({ name }) => name in element && typeof Reflect.get(element, name)),
        }
      },
      { tagName: declaration.tagName, members: declaration.members },
    )
    // That one is HTML's own.
    expect(element.observedAttributes.sort()).toEqual(
      names(declaration.attributes).filter((name) => name !== 'autofocus'),
    )
    expect(element.types.map(Boolean)).not.toContain(false)
    const methods = declaration.members.flatMap(({ kind }, index) => (kind === 'method' ? element.types[index] : []))
    expect(new Set(methods)).toEqual(new Set(declaration === chat ? ['function'] : []))
  })

  test.each([chat, launcher])('<$tagName> uses the custom properties', async ({ tagName, cssProperties }) => {
    const used = await page.evaluate((tagName) => {
      const element = document.body.appendChild(document.createElement(tagName))
      const rules = element.shadowRoot!.adoptedStyleSheets.flatMap((sheet) => [...sheet.cssRules])
      const found = rules.flatMap(({ cssText }) => cssText.match(/--nanbeige-[a-z-]+/g) ?? [])
      element.remove()
      return [...new Set(found)].sort()
    }, tagName)
    expect(names(cssProperties)).toEqual(used)
  })

  test('it has the slots and the parts', async () => {
    const found = { slots: new Set<string>(), parts: new Set<string>() }
    const look = async () => {
      const seen = await page.locator('nanbeige-chat').evaluate(({ shadowRoot }) => ({
        slots: [...shadowRoot!.querySelectorAll('slot')].map((slot) => slot.name),
        parts: [...shadowRoot!.querySelectorAll('[part]')].flatMap(({ part }) => [...part]),
      }))
      for (const slot of seen.slots) found.slots.add(slot)
      for (const part of seen.parts) found.parts.add(part)
    }
    const ask = async (question: string, shown: string) => {
      await page.locator('textarea').fill(question)
      await page.locator('textarea').press('Enter')
      await page.getByText(shown).first().waitFor()
      await look()
    }
    await page.locator('nanbeige-chat').evaluate((chat) => {
      Object.assign(chat, { tools: [{ name: 'ring', run: () => 'rung' }] })
    })
    await look()
    await ask('Tell!', 'Cut at the length limit.')
    await ask('Call!', 'Allow once')
    await ask('Wait!', 'A moment.')
    await page.getByRole('button', { name: 'Conversations' }).click()
    const search = page.getByRole('searchbox')
    await expect.poll(() => search.evaluate((input) => input.matches(':focus'))).toBe(true)
    await look()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'New chat' }).click()
    await ask('Fail!', 'It is broken.')
    expect([...found.slots].sort()).toEqual(names(chat.slots))
    expect([...found.parts].sort()).toEqual(names(chat.cssParts))
  })
})
