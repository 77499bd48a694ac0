import { ApiError } from './errors.ts'

/** Chats have some ten values for each message; a value takes up to 100 bytes of an isolate's 128 MB, and of a tool 10 µs. */
const MAX_VALUES = 50_000
/** JSON schemas of tools nest some 20 deep. */
const MAX_DEPTH = 100

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Counts the values of a JSON text and how deep they nest before it is parsed: 4 MiB of `{}` would take 400 MB as objects. Throws an
 * ApiError of status 400; whether the text is JSON at all is for the parser to say.
 */
export function checkJsonSize(text: string): void {
  let values = 1
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = stringEnd(text, at + 1)
        break
      case 0x7b: // {
      case 0x5b: // [
        values++
        if (++depth > MAX_DEPTH) throw tooComplex(`nests deeper than ${MAX_DEPTH} levels`)
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
      case 0x2c: // ,
        values++
    }
    if (values > MAX_VALUES) throw tooComplex(`has more than ${MAX_VALUES} values`)
  }
}

/** The closing quote of a string that has begun, or the end of the text. */
function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return quote
  }
  return text.length
}

function tooComplex(what: string): ApiError {
  return new ApiError(400, 'body_too_complex', `The body ${what}. Send a simpler one.`)
}
