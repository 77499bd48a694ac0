import { type Command, InvalidArgumentError, Option } from 'commander'
import { describeServed } from './describe-served.ts'
import { wholeNumber } from './whole-number.ts'
import { withBar } from './with-bar.ts'

/** As commander gives them. */
interface ServeCommandOptions {
  readonly host?: string
  readonly port?: string
  readonly planes?: string
  readonly context?: number
  readonly sequences?: number
  readonly origin?: string
  readonly key?: string
  readonly keys?: string
  readonly public?: true
  readonly allowedOrigins?: string
}

const EXAMPLES = `
Examples:
  nanbeige-edge serve                                the embedded model
  nanbeige-edge serve model.gguf --port 8788         a GGUF file, in the precision that it has
  nanbeige-edge serve owner/name --planes 4          a model of the hub, rounded to 4 bit planes
  nanbeige-edge serve --origin http://127.0.0.1:8000 long answers go on at a GPU server

A model that is no pack is packed once into .cache/nanbeige-edge/packs of the home folder. A GGUF file names no temperature: requests that name
none get 1, which is much for a small model; pack --temperature gives a pack its own.
`

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('serve a model on this machine: an OpenAI-compatible API and a chat page')
    .argument(
      '[model]',
      'pack, GGUF file, folder of a Hugging Face checkpoint, id on the hub (owner/name or owner/name@revision), ' +
        'or what `deploy` wrote (default: MODEL of wrangler.toml, the embedded model)',
    )
    .addOption(
      new Option('--host <address>', 'where to listen; 0.0.0.0: at all networks (default: this machine alone)').env(
        'HOST',
      ),
    )
    .addOption(new Option('--port <port>', 'port to listen at; 0: any free one (default: 8787)').env('PORT'))
    .option('--planes <planes>', 'round the model to bit planes, as `pack --planes` does')
    .option(
      '--context <tokens>',
      'tokens that a conversation may have (default: CONTEXT_LENGTH of wrangler.toml)',
      wholeNumber,
    )
    .option(
      '--sequences <number>',
      'answers that are computed at the same time (default: as many as CACHE_MIB has room for, 8 at most)',
      wholeNumber,
    )
    .option(
      '--origin <url>',
      'GPU server that goes on with long answers: vLLM, SGLang or llama-server is found by asking it; kind+url says which it is. ' +
        'Its API key is read from the variable ORIGIN_KEY',
    )
    .addOption(
      new Option('--key <key>', 'API key that every request has to bring').env('NANBEIGE_KEY').argParser(apiKey),
    )
    .addOption(
      new Option(
        '--keys <file>',
        'file of keys that `key NAME --file` wrote: every request has to bring one',
      ).conflicts('key'),
    )
    .option('--public', 'serve strangers, with limits and without GPU origins; without it other machines need a key')
    .addOption(
      new Option(
        '--allowed-origins <origins>',
        'sites whose pages may ask, as https://shop.example, with commas between them (default: those of this machine, without keys)',
      ).env('ALLOWED_ORIGINS'),
    )
    .addHelpText('after', EXAMPLES)
    .action(serve)
}

/** A key that a header can carry. An unset variable of a shell is none, and would leave the door open. */
function apiKey(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text
  throw new InvalidArgumentError('A key has visible ASCII characters, no spaces, and at least one.')
}

async function serve(model: string | undefined, options: ServeCommandOptions): Promise<void> {
  // What Miniflare and the bundle do on exit stops workerd and clears away; a signal alone would leave the bundle's folder behind.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(0))
  const started = performance.now()
  // Late, since wrangler and Miniflare take long to load.
  await import('../serve/compile-cache.ts')
  const [{ readAddress }, { serveModel }] = [
    await import('../serve/forward.ts'),
    await import('../serve/serve-model.ts'),
  ]
  const { host, port, ...others } = options
  const served = await serveModel({
    model,
    address: readAddress(host, port),
    ...others,
    originKey: process.env.ORIGIN_KEY || undefined,
    withProgress: withBar,
  })
  const seconds = (performance.now() - started) / 1000
  process.stdout.write(`${describeServed(served, seconds, others.key !== undefined || others.keys !== undefined)}\n`)
}
