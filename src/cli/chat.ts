import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import { AnswerError, fetchModelId } from '../widget/client.ts'
import { ChatSession, type Talk } from './chat-session.ts'
import { talkOnTerminal } from './chat-terminal.ts'
import { wholeNumber } from './whole-number.ts'
import { withBar } from './with-bar.ts'

interface ChatCommandOptions {
  readonly planes?: string
  readonly context?: number
  readonly key?: string
}

const HELP = `
On a terminal: /reset forgets the conversation, /exit or Ctrl-D leaves, Ctrl-C stops an answer and, pressed again, leaves.
A message of several lines is pasted, or has a \\ at the end of each line but the last.
Elsewhere the question is read from the input, and the answer alone is written:

  echo 'Why is the sky blue?' | nanbeige-edge chat http://localhost:8787 > answer.txt
`

export function addChatCommand(program: Command): void {
  program
    .command('chat')
    .description('talk to a model in the terminal')
    .argument(
      '[model]',
      'address of a server (http://localhost:8787, or any OpenAI-compatible one), or a model as `serve` takes it (default: the embedded one)',
    )
    .option('--planes <planes>', 'round a model to bit planes, as `pack --planes` does')
    .option('--context <tokens>', 'tokens that a conversation with a model may have', wholeNumber)
    .addOption(new Option('--key <key>', 'API key of the server').env('NANBEIGE_KEY'))
    .addHelpText('after', HELP)
    .action(chat)
}

async function chat(target: string | undefined, { planes, context, key }: ChatCommandOptions): Promise<void> {
  if (target !== undefined && /^https?:\/\//.test(target)) {
    await talk({ endpoint: target.replace(/\/+$/, '').replace(/\/v1$/, ''), key })
    return
  }
  // What stops workerd and clears away is done on exit.
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(status))
  }
  process.stderr.write('Loading the model …\n')
  await import('../serve/compile-cache.ts')
  const { serveModel } = await import('../serve/serve-model.ts')
  const address = { host: '127.0.0.1', port: 0 }
  const { url } = await serveModel({ model: target, address, planes, context, silent: true, withProgress: withBar })
  await talk({ endpoint: url })
  process.exit()
}

async function talk({ endpoint, key }: Pick<Talk, 'endpoint' | 'key'>): Promise<void> {
  const model = await fetchModelId(endpoint, new AbortController().signal, { key }).catch((error) => {
    throw error.code === 'unreachable' ? new AnswerError(error.code, `${endpoint}: ${error.message}`) : error
  })
  const session = new ChatSession({ endpoint, key, model })
  if (process.stdin.isTTY && process.stdout.isTTY) await talkOnTerminal(session)
  else await answerOnce(session)
}

/** For pipes: the question is all of the input, and the output the answer without what was thought. */
async function answerOnce(session: ChatSession): Promise<void> {
  const question = (await text(process.stdin)).trim()
  if (question === '') throw new AnswerError('question_missing', 'There is no question on the input.')
  for await (const { type, text } of session.ask(question, new AbortController().signal)) {
    if (type === 'text') process.stdout.write(text)
  }
  process.stdout.write('\n')
}
