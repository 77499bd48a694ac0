/**
 * Clients send thinking back only with a signature, which Anthropic's API checks. Here it proves nothing, and that of any server is taken:
 * whoever writes a request may write its history too. Thinking that is not shown is inside, to be taken back with it.
 */
const SIGNATURE = 'nanbeige-edge'
const HIDDEN = `${SIGNATURE}:`

export function signatureOf(hiddenThinking: string): string {
  return hiddenThinking === '' ? SIGNATURE : HIDDEN + btoa(encodeURIComponent(hiddenThinking))
}

/** What was thought, as it is shown or as the signature has it. */
export function thinkingOf({ thinking, signature }: { thinking: string; signature?: string | null }): string {
  if (thinking !== '' || !signature?.startsWith(HIDDEN)) return thinking
  try {
    return decodeURIComponent(atob(signature.slice(HIDDEN.length)))
  } catch {
    // It was changed on the way.
    return ''
  }
}
