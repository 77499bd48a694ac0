import { createInterface } from 'node:readline'
import { styleText } from 'node:util'
import { AnswerError } from '../widget/client.ts'
import type { ChatSession } from './chat-session.ts'

const { stdin, stdout } = process
const CTRL_C = '\u0003'
/** Between these a terminal puts what was pasted, once it is asked to. */
const BRACKETED_PASTE = { on: '\u001b[?2004h', off: '\u001b[?2004l' }

// Both leave out colours for NO_COLOR and where there is no terminal.
const dim = (text: string) => styleText('dim', text, { stream: stdout })
const red = (text: string) => styleText('red', text, { stream: stdout })
/** What a model writes must not move the cursor or name the window. */
const printable = (text: string) => text.replaceAll(/(?![\n\t])\p{Cc}/gu, '')

/** Talk until the person leaves. */
export async function talkOnTerminal(session: ChatSession): Promise<void> {
  stdout.write(dim(`${session.model}. /reset forgets, /exit leaves, Ctrl-C stops an answer.\n`))
  const lines: Lines = { history: [], typed: '' }
  let stopped = false
  for (;;) {
    const message = await readMessage(lines, stopped)
    stopped = false
    if (message === undefined || message === '/exit') return
    if (message === '/reset') {
      session.reset()
      stdout.write(dim('The conversation is forgotten.\n'))
    } else if (message.startsWith('/')) {
      stdout.write(dim(`${message} is no command; there are /reset and /exit\n`))
    } else if (message !== '') {
      stopped = (await showAnswer(session, message, lines)) === 'stopped'
    }
  }
}

interface Lines {
  /** The latest first, as readline has them. */
  history: string[]
  /** What was typed during an answer, for the next message. */
  typed: string
}

/** The next message, trimmed; undefined: the person leaves. `stopped`: Ctrl-C was the last thing that was pressed. */
function readMessage(lines: Lines, stopped: boolean): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const reader = createInterface({ input: stdin, output: stdout, prompt: '> ', history: lines.history })
  let [isPasting, isLeaving] = [false, stopped]
  let before: string[] = []
  const key = (_: unknown, { name }: { name?: string }) => {
    if (name === 'paste-start' || name === 'paste-end') isPasting = name === 'paste-start'
  }
  const end = (message: string | undefined) => {
    resolve(message)
    reader.close()
  }
  stdin.on('keypress', key)
  reader
    .on('history', (history) => {
      lines.history = history
    })
    .on('line', (line) => {
      const goesOn = line.endsWith('\\')
      if (!isPasting && !goesOn) return end([...before, line].join('\n').trim())
      before.push(isPasting ? line : line.slice(0, -1))
      reader.setPrompt('… ')
      if (!isPasting) reader.prompt()
    })
    .on('SIGINT', () => {
      const isEmpty = reader.line === '' && before.length === 0
      stdout.write('\n')
      if (isEmpty && isLeaving) return end(undefined)
      if (isEmpty) stdout.write(dim('Ctrl-C again leaves.\n'))
      isLeaving = isEmpty
      before = []
      reader.setPrompt('> ')
      reader.write(null, { ctrl: true, name: 'e' })
      reader.write(null, { ctrl: true, name: 'u' })
      reader.prompt()
    })
    .on('close', () => {
      stdin.off('keypress', key)
      stdout.write(BRACKETED_PASTE.off)
      resolve(undefined)
    })
  stdout.write(BRACKETED_PASTE.on)
  reader.prompt()
  reader.write(lines.typed)
  lines.typed = ''
  return promise
}

/** Writes the answer as it comes, what was thought dimmed. */
async function showAnswer(session: ChatSession, message: string, lines: Lines): Promise<'done' | 'stopped'> {
  const stop = new AbortController()
  let presses = 0
  // In raw mode, so that Ctrl-C stops the answer and not a server that this program has started.
  const listen = (bytes: Buffer) => {
    for (const character of bytes.toString()) {
      if (character !== CTRL_C) lines.typed += character
      else if (++presses === 1) stop.abort()
      else process.exit()
    }
  }
  stdin.setRawMode(true).on('data', listen).resume()
  let last: string | undefined
  try {
    for await (const { type, text } of session.ask(message, stop.signal)) {
      if (last !== undefined && last !== type) stdout.write(type === 'text' ? '\n\n' : '\n')
      stdout.write(type === 'text' ? printable(text) : dim(printable(type === 'note' ? `(${text})` : text)))
      last = type
    }
    stdout.write('\n')
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error
    stdout.write(`${last === undefined ? '' : '\n'}${red(error.message)}\n`)
  } finally {
    stdin.off('data', listen).pause().setRawMode(false)
  }
  return stop.signal.aborted ? 'stopped' : 'done'
}
