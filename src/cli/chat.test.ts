import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const CLI = new URL('main.ts', import.meta.url).pathname
const PATIENT = { timeout: 60_000 }
const CTRL_C = '\u0003'

interface Body {
  readonly model: string
  readonly messages: readonly { role: string; content: string }[]
}

/** An API of which each answer is told what to stream. */
let server: Server
let url: string
let bodies: Body[]
let answer: (body: Body, response: ServerResponse) => void

const event = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ delta, finish_reason: finish }] })}\n\n`
const end = (reason = 'stop') => `${event({}, reason)}data: [DONE]\n\n`

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.headers.authorization === 'Bearer wrong') {
    response.writeHead(401).end(JSON.stringify({ error: { message: 'No such key.', code: 'invalid_api_key' } }))
  } else if (request.url === '/v1/models') {
    response.end(JSON.stringify({ data: [{ id: 'scripted' }] }))
  } else {
    let text = ''
    for await (const chunk of request) text += chunk
    const body = JSON.parse(text)
    bodies.push(body)
    answer(body, response.writeHead(200, { 'Content-Type': 'text/event-stream' }))
  }
}

beforeAll(async () => {
  server = createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
afterEach(() => {
  bodies = []
})
bodies = []

describe('chat on a pipe', () => {
  /** The output of the command for an input. */
  async function chat(input: string, ...args: string[]) {
    const running = promisify(execFile)(process.execPath, [CLI, 'chat', ...args])
    running.child.stdin!.end(input)
    return running.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    )
  }

  it('answers once, with the answer alone and no colours', async () => {
    answer = (_, response) =>
      response.end(event({ reasoning_content: 'Hm.' }) + event({ content: 'Blue' }) + event({ content: '!' }) + end())
    expect(await chat('Why?\nTell me.\n', `${url}/v1/`)).toEqual({ code: 0, stdout: 'Blue!\n', stderr: '' })
    expect(bodies).toEqual([
      { model: 'scripted', messages: [{ role: 'user', content: 'Why?\nTell me.' }], stream: true },
    ])
  })

  it('says in one line what is wrong', async () => {
    answer = (_, response) => response.end(event({ content: 'Bl' }))
    expect(await chat('Why?', url)).toEqual({
      code: 1,
      stdout: 'Bl',
      stderr: 'nanbeige-edge: The connection ended before the answer was complete.\n',
    })
    expect(await chat('Why?', url, '--key', 'wrong')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'nanbeige-edge: No such key.\n',
    })
    expect(await chat('Why?', 'http://127.0.0.1:9')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nanbeige-edge: http:\/\/127\.0\.0\.1:9: The server cannot be reached/),
    })
    expect(await chat(' \n', url)).toMatchObject({ code: 1, stderr: expect.stringMatching(/no question/) })
  })
})

// A terminal of util-linux, which every Debian has.
describe.skipIf(process.platform !== 'linux')('chat on a terminal', () => {
  let terminal: ChildProcessWithoutNullStreams
  let screen: string

  function start(variables: Record<string, string> = {}) {
    // Nothing else: among many variables CI and NO_COLOR decide about colours.
    terminal = spawn('script', ['-qfec', `${process.execPath} ${CLI} chat ${url}`, '/dev/null'], {
      env: { PATH: process.env.PATH, TERM: 'xterm-256color', ...variables },
    })
    screen = ''
    terminal.stdout.setEncoding('utf8').on('data', (text) => {
      screen += text
    })
  }
  afterEach(() => terminal.kill())

  const shown = (text: string | RegExp) => expect.poll(() => screen, PATIENT).toMatch(text)
  const prompts = (count: number) => expect.poll(() => screen.split('> ').length - 1, PATIENT).toBe(count)
  const type = (text: string) => terminal.stdin.write(text)

  it('streams, dims what is thought, keeps the conversation and forgets it', async () => {
    answer = ({ messages }, response) =>
      response.end(event({ reasoning: 'Hm.\u001b[2J' }) + event({ content: `${messages.length}!` }) + end())
    start()
    await prompts(1)
    type('One?\r')
    await prompts(2)
    // No control character of the model comes through.
    expect(screen).toContain('\u001b[2mHm.[2J\u001b[22m')
    expect(screen).toContain('1!')
    type('Two?\\\rReally?\r')
    await shown('3!')
    await prompts(3)
    expect(bodies[1].messages).toEqual([
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: '1!' },
      { role: 'user', content: 'Two?\nReally?' },
    ])
    type('/reset\r')
    await prompts(4)
    type('Three?\r')
    await prompts(5)
    expect(bodies[2].messages).toEqual([{ role: 'user', content: 'Three?' }])
    type('/exit\r')
    expect(await once(terminal, 'exit')).toEqual([0, null])
  })

  it('takes what is pasted as one message', async () => {
    answer = (_, response) => response.end(event({ content: 'Yes.' }) + end())
    start()
    await prompts(1)
    type('See: \u001b[200~a\r\tb\rc\u001b[201~ and?\r')
    await prompts(2)
    expect(bodies[0].messages).toEqual([{ role: 'user', content: 'See: a\n\tb\nc and?' }])
    type('\u0004')
    expect(await once(terminal, 'exit')).toEqual([0, null])
  })

  it('stops an answer, keeps what came of it, and leaves at the next Ctrl-C', async () => {
    const gone = Promise.withResolvers<void>()
    answer = (_, response) => {
      response.write(event({ content: 'Once upon' }))
      response.on('close', gone.resolve)
    }
    start()
    await prompts(1)
    type('Tell.\r')
    await shown('Once upon')
    type(`next${CTRL_C}`)
    await gone.promise
    await shown(/stopped/)
    await prompts(2)
    answer = (_, response) => response.end(event({ content: 'Then.' }) + end())
    // What was typed during the answer stands in the line.
    type(' one\r')
    await shown('Then.')
    await prompts(3)
    expect(bodies[1].messages.slice(1)).toEqual([
      { role: 'assistant', content: 'Once upon' },
      { role: 'user', content: 'next one' },
    ])
    type(CTRL_C)
    await shown('Ctrl-C again leaves')
    type(CTRL_C)
    expect(await once(terminal, 'exit')).toEqual([0, null])
  })

  it('goes on after an error, without colours where NO_COLOR asks for none', async () => {
    answer = (_, response) => response.end(`data: ${JSON.stringify({ error: { message: 'Out of luck.' } })}\n\n`)
    start({ NO_COLOR: '1' })
    await prompts(1)
    type('One?\r')
    await shown('Out of luck.')
    await prompts(2)
    answer = (_, response) => response.end(event({ content: 'Fine' }) + end('length'))
    type('Two?\r')
    await shown('cut: no more tokens')
    expect(bodies[1].messages).toEqual([{ role: 'user', content: 'Two?' }])
    for (const colour of ['\u001b[2m', '\u001b[31m']) expect(screen).not.toContain(colour)
  })
})
