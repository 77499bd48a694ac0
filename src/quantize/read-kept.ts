import { readFile } from 'node:fs/promises'
import type { z } from 'zod'

/** JSON that an interrupted run has left; undefined: it is missing or damaged, as after a loss of power, and has to be made anew. */
export async function readKept<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}
