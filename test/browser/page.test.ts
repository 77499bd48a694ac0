import { expect, test } from 'vitest'
import { words } from '../support/scripted-answer.ts'
import { describeInChromium } from './chat-page.ts'

describeInChromium("the server's page", (open) => {
  const script = () => [...words('content', 'Scattering.'), { finish: 'stop' as const }]

  test('it has one main part, a heading, what it is for, and the cursor where one writes', async () => {
    const { page, message } = await open(script)
    await page.getByRole('main').getByRole('heading', { level: 1, name: 'Chat' }).waitFor()
    await page.getByText('Private. Starts at the edge, no GPU.').waitFor()
    await page.getByRole('heading', { name: 'Nanbeige4 3B Thinking' }).waitFor()
    await expect.poll(() => message.evaluate((input) => input.matches(':focus'))).toBe(true)
    await page.keyboard.type('Why?')
    expect(await message.inputValue()).toBe('Why?')
    expect(await page.getByRole('link', { name: 'API' }).getAttribute('href')).toBe('/docs')
  })

  test('a suggestion asks, and makes way for the answer', async () => {
    const { page, button, sees } = await open(script)
    await button('Why is the sky blue?').click()
    await sees('Scattering.')
    expect(await button('Why is the sky blue?').count()).toBe(0)
    await expect.poll(() => page.getByText('Private.').isVisible()).toBe(false)
  })

  test('it speaks Chinese to those who do', async () => {
    const { page: english, chat } = await open(script)
    const context = await english.context().browser()!.newContext({ locale: 'zh-CN' })
    const page = await context.newPage()
    await page.goto(chat.url)
    await page.getByText('私密。从边缘开始，无需 GPU。').waitFor()
    expect(await page.evaluate(() => [document.documentElement.lang, document.title])).toEqual(['zh', '对话'])
    await page.getByRole('textbox', { name: '消息' }).waitFor()
    await page.getByRole('button', { name: '天空为什么是蓝色的？' }).click()
    await page.getByText('Scattering.').first().waitFor()
    await context.close()
  })

  test('nothing of it breaks its own policy', async () => {
    const { page, button, sees } = await open(script)
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    await page.reload()
    await button('Why is the sky blue?').click()
    await sees('Scattering.')
    expect(complaints).toEqual([])
  })
})
