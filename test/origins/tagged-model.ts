import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gguf } from '@huggingface/gguf'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { loadChatModel } from '../../src/chat/load-chat-model.ts'
import { ChatTemplate } from '../../src/chat/template.ts'
import { loadModel } from '../../src/model/load.ts'
import { xgrammarModule } from '../../src/pack/kernel-modules.ts'
import { packModel } from '../../src/pack/pack-model.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { kernelModules } from '../support/embedded-model.ts'
import { CHATML } from '../support/fake-model.ts'
import { GGUF } from './llama-server.ts'

const FOLDER = new URL('../../node_modules/.cache/tagged-model', import.meta.url).pathname
const CONTEXT = 1024
/** Tokens of SmolLM2 that no chat has, and the tags that they become. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['<repo_name>', '<think>'],
  ['<reponame>', '</think>'],
  ['<file_sep>', '<tool_call>'],
  ['<filename>', '</tool_call>'],
])
const USER_DEFINED = 4
/** Of the data of a GGUF file, in bytes. */
const ALIGNMENT = 32

/**
 * SmolLM2 with tags as tokens of their own, made once: its GGUF for a server, and the same at the edge, first with a plain template, then with one
 * that opens the reasoning, as this model never would.
 */
export async function loadTaggedChats(): Promise<{ gguf: string; chats: ChatModel[] }> {
  const [tagged, pack] = [join(FOLDER, 'tagged.gguf'), join(FOLDER, 'pack')]
  mkdirSync(FOLDER, { recursive: true })
  if (!existsSync(tagged)) {
    writeFileSync(`${tagged}.part`, await withTags(GGUF))
    renameSync(`${tagged}.part`, tagged)
  }
  if (!existsSync(join(pack, 'manifest.json'))) {
    await packModel(tagged, pack, { name: 'tagged', planes: {}, groupSize: 32, chatTemplate: CHATML })
  }
  const store = folderStore(pack)
  const modules = await kernelModules()
  const options = { contextLength: CONTEXT, sequences: 1 }
  const chat = await loadChatModel(store, (manifest) => loadModel(store, manifest, modules, options), xgrammarModule)
  const opened = `${CHATML}{%- if add_generation_prompt %}{{- '<think>\n' }}{%- endif %}`
  const { addedTexts } = chat.tokenizer
  return { gguf: tagged, chats: [chat, { ...chat, template: new ChatTemplate(opened, { addedTexts }) }] }
}

/** The file with other texts and types of some tokens: its header gets another length, the data behind it stays. */
async function withTags(source: string): Promise<Buffer> {
  const { metadata, tensorInfos, tensorDataOffset } = await gguf(source, { allowLocalFile: true })
  const file = readFileSync(source)
  const { name, shape } = tensorInfos.at(-1)!
  const lastTensor = ggufString(name)
  // Its dimensions, type and offset.
  const end = file.lastIndexOf(lastTensor, Number(tensorDataOffset)) + lastTensor.length + 4 + 8 * shape.length + 4 + 8
  let header: Buffer = Buffer.from(file.subarray(0, end))
  const { 'tokenizer.ggml.tokens': tokens } = metadata as unknown as { 'tokenizer.ggml.tokens': string[] }
  const types = header.indexOf(ggufString('tokenizer.ggml.token_type')) + TYPES_OFFSET
  for (const token of RENAMED.keys()) header.writeInt32LE(USER_DEFINED, types + 4 * tokens.indexOf(token))
  for (const [from, to] of RENAMED) header = replaced(header, ggufString(from), ggufString(to))
  const padding = Buffer.alloc((ALIGNMENT - (header.length % ALIGNMENT)) % ALIGNMENT)
  return Buffer.concat([header, padding, file.subarray(Number(tensorDataOffset))])
}

/** From the key of the types to the first of them: key, kind of the value, kind and number of the elements. */
const TYPES_OFFSET = ggufString('tokenizer.ggml.token_type').length + 4 + 4 + 8

function ggufString(text: string): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, Buffer.from(text)])
}

function replaced(whole: Buffer, part: Buffer, by: Buffer): Buffer {
  const at = whole.indexOf(part)
  return Buffer.concat([whole.subarray(0, at), by, whole.subarray(at + part.length)])
}
