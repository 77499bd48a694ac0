// Finds a text that goes round in circles, by its tokens, in constant time a token.
//
// A loop copies what stands one period before it, over and over. Two followers look for that. The first one follows a copy that is exact: the
// token that is expected next is the one behind the last that agreed, and where it breaks off, a table of the last place of every
// twelve tokens says where these stood before. The second one follows near copies too, as of a loop with a counter that grows or a word that
// changes: they break off for a few tokens in every period and go on at nearly the same distance. Sound texts copy as well: tables, JSON, code,
// refrains. They break off sooner, jump to other distances, or copy marks and numbers and hardly any words.

/** Tokens that a copy begins with: an exact one, and a near one, which is also taken up again with so many. */
const EXACT_GRAM = 12
const NEAR_GRAM = 3
/** Of the longest loop, in tokens. */
const MAX_PERIOD = 512
/** Tokens after which a near copy that has broken off may be another one, and by how many its distance may have changed. */
const MAX_SLOT = 6
const MAX_SHIFT = 4
/** What a break of a near copy costs, in copied words. */
const BREAK_COST = 3
/** Tokens of an exact copy at whose distance the near one goes on too: its own may be one within a period. */
const SURE = 24
/** What makes a loop of a copy, with a patience of 1: an exact one has so many tokens more than its period, … */
const EXACT_TOKENS = 120
/** … and a near one so many words more than half of its period has tokens. */
const NEAR_WORDS = 28
/** Powers of two: tokens that are remembered, and places in a table. */
const MEMORY = 1024
const PLACES = 2048

export class LoopWatch {
  readonly #tokens = new Int32Array(MEMORY)
  readonly #exactPlaces = new Int32Array(PLACES)
  readonly #nearPlaces = new Int32Array(PLACES)
  #length = 0
  /** Between a token and what it copies; 0: nothing is followed. */
  #exactPeriod = 0
  #copied = 0
  #nearPeriod = 0
  /** Tokens since the near copy broke off; 0: it goes on. */
  #gap = 0
  #words = 0

  constructor() {
    this.reset()
  }

  /** Whether the text goes round in circles. @param patience how many times the usual amount has to be copied. */
  isLoop(patience: number): boolean {
    const near = this.#words >= this.#nearPeriod / 2 + NEAR_WORDS * patience
    return this.isExactLoop(patience) || (this.#nearPeriod > 0 && near)
  }

  /** … and says the very same in each of them. */
  isExactLoop(patience: number): boolean {
    return this.#copied >= this.#exactPeriod + EXACT_TOKENS * patience
  }

  /** Nothing was read. */
  reset(): void {
    this.#exactPlaces.fill(-1)
    this.#nearPlaces.fill(-1)
    this.#length = 0
    this.#exactPeriod = 0
    this.#copied = 0
    this.#near(0)
  }

  /** @param isWord it is a word of a text, or a part of one: no number and no mark. */
  push(token: number, isWord: boolean): void {
    const at = this.#length++
    this.#tokens[at % MEMORY] = token
    this.#followExact(at, token)
    this.#followNear(at, token, isWord)
  }

  #followExact(at: number, token: number): void {
    const place = this.#place(this.#exactPlaces, EXACT_GRAM, at)
    if (this.#exactPeriod > 0 && token === this.#token(at - this.#exactPeriod)) {
      this.#copied++
      return
    }
    this.#copied = 0
    this.#exactPeriod = place < 0 ? 0 : at - place
  }

  #followNear(at: number, token: number, isWord: boolean): void {
    const place = this.#place(this.#nearPlaces, NEAR_GRAM, at)
    if (this.#copied === SURE && this.#exactPeriod !== this.#nearPeriod) this.#near(this.#exactPeriod)
    else if (this.#nearPeriod > 0 && (this.#gap > 0 || token !== this.#token(at - this.#nearPeriod))) this.#miss(at)
    else if (isWord) this.#words++
    if (place >= 0 && (this.#nearPeriod === 0 || this.#gap >= MAX_SLOT)) this.#near(at - place)
  }

  #miss(at: number): void {
    this.#words = Math.max(0, this.#words - (this.#gap === 0 ? BREAK_COST : 1))
    if (++this.#gap >= NEAR_GRAM) this.#takeUp(at)
  }

  /** Goes on with the near copy where the last tokens agree with it, a little nearer or farther. */
  #takeUp(at: number): void {
    for (let shift = 0; shift <= 2 * MAX_SHIFT; shift++) {
      const period = this.#nearPeriod + (shift % 2 === 0 ? shift / 2 : -(shift + 1) / 2)
      if (period <= 0 || !this.#agree(at, at - period, NEAR_GRAM)) continue
      this.#nearPeriod = period
      this.#gap = 0
      // They were counted as missed.
      this.#words += NEAR_GRAM - 1
      return
    }
  }

  #near(period: number): void {
    this.#nearPeriod = period
    this.#gap = 0
    this.#words = 0
  }

  /** Where the last so many tokens stood before; they stand here from now on. -1: nowhere that is near enough. */
  #place(places: Int32Array, gram: number, at: number): number {
    let hash = 0
    for (let i = gram - 1; i >= 0; i--) hash = Math.imul(hash ^ this.#token(at - i), 0x9e3779b1) ^ (hash >>> 15)
    const slot = (hash ^ (hash >>> 16)) & (PLACES - 1)
    const place = places[slot]
    places[slot] = at
    return at - place <= MAX_PERIOD && this.#agree(at, place, gram) ? place : -1
  }

  /** Whether the same tokens end at two positions. */
  #agree(at: number, earlier: number, gram: number): boolean {
    if (earlier < gram - 1) return false
    for (let i = 0; i < gram; i++) if (this.#token(at - i) !== this.#token(earlier - i)) return false
    return true
  }

  #token(position: number): number {
    return this.#tokens[position & (MEMORY - 1)]
  }
}
