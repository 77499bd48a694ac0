// Answers of some packs to prompts at temperature 0, as Markdown. The code in them is run where the prompt has a test for it, and calls of
// tools are looked for in the text too: not every model writes the tags that make them calls.
//
//   npm exec -- node bench/quantization/show-answers.ts PACK… [--prompts FILE.json] [--every 4] [--tokens 60]
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { Command } from 'commander'
import { loadChatModel } from '../../src/chat/load-chat-model.ts'
import { wholeNumber } from '../../src/cli/whole-number.ts'
import { loadModel } from '../../src/model/load.ts'
import { kernelModules, xgrammarModule } from '../../src/pack/kernel-modules.ts'
import { type Answer, answerable, answers } from '../../src/quantize/answers.ts'
import type { CalibrationChat } from '../../src/quantize/calibration-text.ts'
import { folderStore } from '../../src/weights/folder-store.ts'

interface Prompt extends CalibrationChat {
  /** Assertions behind the code of the answer. */
  readonly python?: string
}

interface Tool {
  readonly function: { readonly name: string; readonly parameters: { readonly required: readonly string[] } }
}

const PROMPTS = new URL('../../src/quantize/prompts.json', import.meta.url).pathname
const PYTHON_MS = 10_000

const program = new Command()
  .argument('<packs...>')
  .option('--prompts <file>', 'JSON as src/quantize/prompts.json is, with assertions in Python or without', PROMPTS)
  .option('--every <n>', 'every n-th prompt', wholeNumber, 4)
  .option('--tokens <n>', 'tokens of an answer at most', wholeNumber, 60)
  .parse()
const { prompts: path, every, tokens } = program.opts<{ prompts: string; every: number; tokens: number }>()

const modules = await kernelModules()
const all: readonly Prompt[] = JSON.parse(await readFile(path, 'utf8'))
/** By the prompt, a line for each pack. */
const shown = new Map<string, string[]>()
for (const folder of program.args) {
  const store = folderStore(folder)
  const options = { contextLength: 1024, sequences: 1 }
  const model = await loadChatModel(store, (manifest) => loadModel(store, manifest, modules, options), xgrammarModule)
  const asked = (answerable(model, all) as Prompt[]).filter((_, i) => i % every === 0)
  let at = 0
  for await (const answer of answers(model, asked, { temperature: 0, maxTokens: tokens })) {
    const question = `${asked[at].messages[0].content}`
    const name = [basename(folder), ...(await verdictOn(asked[at++], answer))].join(', ')
    shown.set(question, [...(shown.get(question) ?? []), `- ${name}:${asItem(answer)}`])
  }
}
for (const [question, lines] of shown) console.log(`**${question}**\n\n${lines.join('\n')}\n`)

/** Lines of code stay lines, within the item of a list. */
function asItem({ text, cut }: Answer): string {
  const whole = cut ? `${text} …` : text
  if (!text.includes('\n')) return ` ${whole}`
  return `\n\n${text.includes('```') ? whole.replace(/^/gm, '  ') : whole.replaceAll('\n', ' ').replace(/^/, '  ')}`
}

/** What can be checked of an answer, in words. */
async function verdictOn({ python, tools }: Prompt, answer: Answer): Promise<string[]> {
  if (python !== undefined) return [(await runs(`${codeIn(answer.text)}\n${python}\n`)) ? 'passes' : 'fails']
  if (tools === undefined) return []
  if (answer.toolCalls.length > 0) return ['a call']
  return [isCallInText(tools as Tool[], answer.text) ? 'a call, in plain text' : 'no call']
}

/** The first fenced block, or all where there is none. */
function codeIn(text: string): string {
  return text.match(/```\w*\n(.*?)(```|$)/s)?.[1] ?? text
}

async function runs(code: string): Promise<boolean> {
  const python = promisify(execFile)('python3', ['-I', '-c', code], { timeout: PYTHON_MS })
  return python.then(
    () => true,
    () => false,
  )
}

function isCallInText(tools: readonly Tool[], text: string): boolean {
  try {
    const call = JSON.parse(text.match(/\{.*\}/s)?.[0] ?? '') as { name?: string; arguments: object }
    const offered = tools.find((tool) => tool.function.name === call.name)?.function
    return offered?.parameters.required.every((name) => name in call.arguments) ?? false
  } catch {
    return false
  }
}
