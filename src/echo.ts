/** Characters of a client's own text that an error message repeats. */
const MAX_ECHO = 200

/** A client's text as an error message repeats it: enough to find it, never a whole prompt. */
export function echo(text: string): string {
  return text.length <= MAX_ECHO ? text : `${text.slice(0, MAX_ECHO - 1).toWellFormed()}…`
}
