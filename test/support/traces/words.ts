import { createRandom } from '../../../src/generate/random.ts'

// What traces are made of, and the draws of their generators.

const split = (words: string) => words.split(' ')

export const NOUNS = split(
  'lighthouse harbour teacher river garden window letter engine market bridge winter island kitchen painter captain forest ladder mirror station valley orchard piano compass lantern sailor village curtain hammer candle meadow basket tower',
)
export const VERBS = split(
  'carries follows repairs remembers paints measures watches answers borrows crosses gathers finishes explains forgets polishes visits',
)
export const ADJECTIVES = split(
  'quiet old narrow bright heavy patient green distant broken gentle early silver hollow careful sudden pale warm crooked',
)
export const NAMES = split(
  'Ada Ben Carla Dov Elif Farid Greta Hugo Ines Jun Kofi Lena Mira Nils Olga Pavel Quinn Rosa Sami Tara',
)
export const CITIES = split('Lyon Oslo Lima Kyoto Accra Turin Porto Quito Bergen Hanoi Cork Tunis Perth Basel')
export const HAN_NOUNS = split(
  '老师 河边 花园 窗户 信件 市场 大桥 冬天 小岛 厨房 画家 船长 森林 镜子 车站 山谷 果园 灯笼 村庄 蜡烛',
)
export const HAN_VERBS = split('走过 修理 记得 看见 想起 经过 整理 收到 离开 打开 画下 听说')
export const HAN_ADVERBS = split('慢慢地 昨天 忽然 常常 终于 悄悄地 又 第一次 已经 在雨里')

/** Draws that depend on a seed only. */
export class Draw {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = createRandom(seed)
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1))
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.int(0, items.length - 1)]
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  times<Item>(count: number, make: (index: number) => Item): Item[] {
    return Array.from({ length: count }, (_, index) => make(index))
  }

  sentence(): string {
    const the = () => `the ${this.chance(0.5) ? `${this.of(ADJECTIVES)} ` : ''}${this.of(NOUNS)}`
    const text = this.of([
      () => `${the()} ${this.of(VERBS)} ${the()} before ${this.of(NAMES)} leaves ${this.of(CITIES)}`,
      () => `${this.of(NAMES)} ${this.of(VERBS)} ${the()}, and ${the()} ${this.of(VERBS)} ${the()}`,
      () => `in ${this.of(CITIES)} ${the()} ${this.of(VERBS)} ${this.int(2, 40)} letters a day`,
      () => `nobody ${this.of(VERBS)} ${the()} as ${this.of(NAMES)} ${this.of(VERBS)} ${the()}`,
    ])()
    return `${text[0].toUpperCase()}${text.slice(1)}.`
  }

  hanSentence(): string {
    const noun = () => this.of(HAN_NOUNS)
    return `${this.of(HAN_ADVERBS)}，${noun()}的${noun()}${this.of(HAN_VERBS)}${noun()}，${noun()}${this.of(HAN_VERBS)}了${noun()}。`
  }
}
