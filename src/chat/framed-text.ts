/**
 * Text between tags, without the newlines that only frame it: '<think>\nFirst …\n</think>\n\nYes.' says 'First …' and 'Yes.'. Newlines
 * stay where words of the same kind stand on both sides. Templates put the frame back: what a client returns becomes what the model wrote.
 */
export class FramedText {
  readonly #tagMayFollow: boolean
  #afterTag: boolean
  #held = ''
  #hasWords = false

  /** @param tagMayFollow false: newlines need not be held back until it is known whether a tag follows. */
  constructor(afterTag: boolean, tagMayFollow: boolean) {
    this.#afterTag = afterTag
    this.#tagMayFollow = tagMayFollow
  }

  /** The text without the newlines that open it. */
  withoutLead(text: string): string {
    if (!this.#afterTag) return text
    const kept = this.#hasWords ? text : text.replace(/^\n+/, '')
    if (/[^\n]/.test(kept)) this.#afterTag = false
    return kept
  }

  /** The text so far but for its last newlines. */
  release(text: string): string {
    const all = this.#held + text
    const end = this.#tagMayFollow ? all.search(/\n*$/) : all.length
    this.#held = all.slice(end)
    if (end > 0) this.#hasWords = true
    return all.slice(0, end)
  }

  tag(): void {
    this.#afterTag = true
  }

  /** No word came since the last tag. */
  get afterTag(): boolean {
    return this.#afterTag
  }

  /** The newlines still held back, when no tag follows. */
  end(): string {
    const newlines = this.#afterTag ? '' : this.#held
    this.#held = ''
    return newlines
  }
}
