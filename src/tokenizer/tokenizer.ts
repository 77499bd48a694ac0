/** What the rest of the system knows of a tokenizer; `loadTokenizer` (load.ts) makes one from the compact tables of a pack. */
export interface Tokenizer {
  /** Number of ids, holes included. */
  readonly vocabSize: number
  /**
   * Token ids of a text. Added tokens written in the text (<|im_start|>, <think>) become their ids, as in every reference
   * tokenizer: rendered chat templates rely on it. No BOS or EOS is added.
   * @param unmask what makes the text of a stretch between added tokens. Added tokens are looked for before, so that a
   * character which stands for another keeps them from being found there (src/chat/control-mask.ts).
   */
  encode(text: string, unmask?: (stretch: string) => string): number[]
  /**
   * The same in steps of a few milliseconds, between which others can have their turn. Ends early, with undefined, when there are more
   * than `maxIds`.
   */
  encodeInSteps(
    text: string,
    maxIds: number,
    unmask?: (stretch: string) => string,
  ): Generator<void, number[] | undefined>
  /** How the added tokens are written. */
  readonly addedTexts: readonly string[]
  /** The bytes a token stands for in running text; empty for special tokens and for ids without a piece. */
  bytes(id: number): Uint8Array
  /** Whether the token is a control token that never shows in decoded text. */
  isSpecial(id: number): boolean
  /** The id of an added token by its text, or undefined. */
  addedToken(text: string): number | undefined
  /**
   * Whether encode puts a space that is no part of the text before ordinary text that follows this id (null: that starts
   * a text). Decoding drops it there.
   */
  addsSpaceAfter(id: number | null): boolean
}
