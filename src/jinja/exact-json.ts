import { JsonFloat } from './values.ts'

/** JSON as Python's json.loads reads it: floats stay floats, integers keep all digits, keys their order. */
export type ExactJson =
  | null
  | boolean
  | string
  | number
  | bigint
  | JsonFloat
  | readonly ExactJson[]
  | ReadonlyMap<string, ExactJson>

/** Deeper than this Python's parser gives up too. */
const MAX_DEPTH = 500
/** And of an integer with more digits than this. */
const MAX_DIGITS = 4300
/** A string, as a key with its colon or as a value; or a number. */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g

/**
 * Throws SyntaxError. JSON.parse does the work: JavaScript would move keys such as "10" to the front and round numbers, so every key gets a
 * letter in front before, and every number that is no small integer becomes `{"n": "its spelling"}`, which no object of the text can then be.
 */
export function parseExactJson(text: string): ExactJson {
  // It also says what is wrong in terms of the text as it is.
  const value: unknown = JSON.parse(text)
  if (typeof value === 'string') return value
  const marked = text.replace(TOKEN, (token, string: string | undefined, colon: string | undefined) => {
    if (string === undefined) return isSmallInteger(token) ? token : `{"n":"${token}"}`
    return colon === undefined ? token : `"k${string.slice(1)}${colon}`
  })
  return unmarked(JSON.parse(marked), 0)
}

function isSmallInteger(number: string): boolean {
  return number.length < 16 && /^-?\d+$/.test(number)
}

function unmarked(value: unknown, depth: number): ExactJson {
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : (value as ExactJson)
  if (depth > MAX_DEPTH) throw new SyntaxError(`The JSON is nested deeper than ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) return value.map((item) => unmarked(item, depth + 1))
  if ('n' in value) return exactNumber(value.n as string)
  return new Map(Object.entries(value).map(([key, item]) => [key.slice(1), unmarked(item, depth + 1)]))
}

function exactNumber(spelling: string): bigint | JsonFloat {
  if (!/^-?\d+$/.test(spelling)) return new JsonFloat(Number(spelling))
  if (spelling.length > MAX_DIGITS) throw new SyntaxError(`An integer has more than ${MAX_DIGITS} digits`)
  return BigInt(spelling)
}
