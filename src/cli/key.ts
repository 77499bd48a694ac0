import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { type ApiKey, parseApiKeys } from '../http/access/api-keys.ts'

interface KeyOptions extends Omit<ApiKey, 'name' | 'sha256'> {
  readonly file?: string
}

/** As many as nobody guesses. */
const KEY_BYTES = 32

/** Prints a new key, which is kept nowhere, and the entry of API_KEYS by which a server knows it. Throws AccessConfigError. */
export async function makeKey(name: string, { file, ...given }: KeyOptions): Promise<void> {
  const key = `nb-${randomBytes(KEY_BYTES).toString('base64url')}`
  const sha256 = createHash('sha256').update(key).digest('hex')
  const { origins, ...limits } = given
  const entry = { name, sha256, ...limits, ...(origins === false && { origins }) }
  const keys = [...(file === undefined ? [] : await keysOf(file)), entry]
  const text = JSON.stringify(keys)
  parseApiKeys(text, file ?? 'The key')
  // Known to its owner alone: whoever has it may change who is let in.
  if (file !== undefined) await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
  process.stdout.write(
    [
      `Key of ${name}, shown this once:`,
      `  ${key}`,
      ...(file === undefined
        ? ['API_KEYS:', `  ${text}`]
        : [`${file} has its sha256, for serve --keys and deploy --keys.`]),
      '',
    ].join('\n'),
  )
}

async function keysOf(file: string): Promise<readonly ApiKey[]> {
  try {
    return parseApiKeys(await readFile(file, 'utf8'), file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
