import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { transform } from 'esbuild'

const BUNDLE = createRequire(import.meta.url).resolve('@mlc-ai/web-xgrammar')
/** The environments that emscripten's glue tells apart: none of them, so that it neither reads files nor asks for a network. */
const ENVIRONMENTS = ['ENVIRONMENT_IS_WEB', 'ENVIRONMENT_IS_WORKER', 'ENVIRONMENT_IS_NODE']

/**
 * Takes XGrammar out of its bundle, which compiles its own base64 when it runs: workerd compiles no Wasm at run time. dist/xgrammar.wasm, and
 * dist/xgrammar.js with emscripten's glue, whose memory is bounded by `heapMax` in the options.
 */
export async function buildGrammar(): Promise<void> {
  const bundle = readFileSync(BUNDLE, 'utf8')
  const base64 = one(bundle, /"data:application\/octet-stream;base64,([A-Za-z0-9+/=]+)"/)
  let glue = one(bundle, /async function\((moduleArg = \{\}\) \{.*?return moduleArg\.ready\n {2}\})/s)
  glue = replaceOne(glue, base64, '')
  glue = replaceOne(glue, 'getHeapMax=()=>2147483648', 'getHeapMax=()=>Module["heapMax"]')
  for (const name of ENVIRONMENTS) glue = replaceOne(glue, new RegExp(`var ${name}=[^;]*;`), '')
  glue = replaceOne(glue, 'if(_scriptDir){scriptDirectory=_scriptDir;}', '')
  const { code } = await transform(`export default async function(${glue}`, {
    define: Object.fromEntries(ENVIRONMENTS.map((name) => [name, 'false'])),
    minify: true,
    format: 'esm',
  })
  mkdirSync('dist', { recursive: true })
  write('dist/xgrammar.wasm', Buffer.from(base64, 'base64'))
  write('dist/xgrammar.js', Buffer.from(code))
}

function write(path: string, content: Buffer): void {
  writeFileSync(path, content)
  console.log(`${path}: ${content.length} bytes`)
}

function one(text: string, pattern: RegExp): string {
  const found = [...text.matchAll(new RegExp(pattern, `${pattern.flags}g`))]
  if (found.length !== 1) throw new Error(`${BUNDLE} has changed: ${pattern} is found ${found.length} times`)
  return found[0][1]
}

/** Throws where the bundle of another version is no longer written so. */
function replaceOne(text: string, part: string | RegExp, replacement: string): string {
  const parts = text.split(part)
  if (parts.length !== 2) throw new Error(`${BUNDLE} has changed: ${part} is found ${parts.length - 1} times`)
  return parts.join(replacement)
}

if (import.meta.main) await buildGrammar()
