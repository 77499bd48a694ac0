/** Longest message; what is cut is its middle, since the cause stands at the beginning and the remedy at the end. */
const MOST = 600

/** A message as one line of bounded length, whatever a damaged file put into it: no line breaks, no control characters. */
export function oneLine(message: string): string {
  const line = message.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
  return line.length <= MOST ? line : `${line.slice(0, MOST - 200)} … ${line.slice(-200)}`
}
