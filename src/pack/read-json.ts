import { z } from 'zod'
import { readText } from './open-file.ts'
import { PackError } from './pack-error.ts'

/** A string, which is left alone, or a number of Python's json module that JSON does not know. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b/gs

/**
 * A JSON file as Python reads one: NaN and Infinity are allowed, and come as texts, so that they are refused where a number is needed.
 * Throws PackError.
 */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path)
  try {
    return JSON.parse(text)
  } catch (error) {
    try {
      return JSON.parse(text.replace(STRING_OR_NUMBER, (found) => (found.startsWith('"') ? found : `"${found}"`)))
    } catch {
      throw new PackError('checkpoint_damaged', `${path}: not JSON (${(error as Error).message}); download it again`)
    }
  }
}

/** A value of the shape that is needed. Throws PackError. */
export function parse<T>(schema: z.ZodType<T>, json: unknown, path: string): T {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new PackError('metadata_invalid', `${path}, ${issue.path.join('.') || 'the whole'}: ${issue.message}`)
}

/** An object whose keys without a value (null) are as good as absent, which is how transformers takes them. */
export function withoutNulls<T extends z.ZodType>(schema: T) {
  return z.preprocess(
    (json) =>
      typeof json === 'object' && json !== null && !Array.isArray(json)
        ? Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null))
        : json,
    schema,
  )
}
