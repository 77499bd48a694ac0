// Answers of some packs to the first prompts of src/quantize/prompts.json at temperature 0, as Markdown.
//
//   npm exec -- node bench/quantization/show-answers.ts PACK… [--every 4] [--tokens 60]
import { basename } from 'node:path'
import { Command } from 'commander'
import { loadChatModel } from '../../src/chat/load-chat-model.ts'
import { wholeNumber } from '../../src/cli/whole-number.ts'
import { loadModel } from '../../src/model/load.ts'
import { kernelModules, xgrammarModule } from '../../src/pack/kernel-modules.ts'
import { answerable, answers } from '../../src/quantize/answers.ts'
import { readPrompts } from '../../src/quantize/calibration-text.ts'
import { folderStore } from '../../src/weights/folder-store.ts'

const program = new Command()
  .argument('<packs...>')
  .option('--every <n>', 'every n-th prompt', wholeNumber, 4)
  .option('--tokens <n>', 'tokens of an answer at most', wholeNumber, 60)
  .parse()
const { every, tokens } = program.opts<{ every: number; tokens: number }>()

const modules = await kernelModules()
const given = new Map<string, string[]>()
for (const folder of program.args) {
  const store = folderStore(folder)
  const options = { contextLength: 1024, sequences: 1 }
  const chat = await loadChatModel(store, (manifest) => loadModel(store, manifest, modules, options), xgrammarModule)
  const prompts = answerable(chat, await readPrompts()).filter((_, i) => i % every === 0)
  for await (const answer of answers(chat, prompts, { temperature: 0, maxTokens: tokens })) {
    const prompt = `${prompts[given.get(folder)?.length ?? 0].messages[0].content}`
    given.set(folder, [...(given.get(folder) ?? []), `${answer.text.replaceAll('\n', ' ')}${answer.cut ? ' …' : ''}`])
    console.log(`**${prompt}** (${basename(folder)}): ${given.get(folder)!.at(-1)}\n`)
  }
}
