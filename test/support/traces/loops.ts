import { readFileSync } from 'node:fs'
import { ADJECTIVES, CITIES, Draw, NAMES, NOUNS } from './words.ts'

/** A text that repeats itself, as models do that find no end: what comes before, and the repetitions. */
export interface Loop {
  readonly kind: 'phrase' | 'sentences' | 'paragraph' | 'counter' | 'changed word' | 'drift' | 'Chinese'
  readonly before: string
  readonly rounds: readonly string[]
}

/** Characters of a loop at least, behind its second round. */
const REST = 1600

const texts = JSON.parse(readFileSync(new URL('../../../src/quantize/calibration.json', import.meta.url), 'utf8')) as {
  text?: string
}[]
const paragraphs = texts.slice(0, 10).flatMap(({ text = '' }) => text.split('\n\n').filter(({ length }) => length > 80))
const english = paragraphs.filter((text) => /^[\x20-\x7e]+$/.test(text))

/** 200 of them, the same ones each time. */
export function loops(count = 200): Loop[] {
  return Array.from({ length: count }, (_, seed) => loop(new Draw(seed), KINDS[seed % KINDS.length]))
}

const KINDS = [
  'phrase',
  'sentences',
  'paragraph',
  'counter',
  'changed word',
  'drift',
  'phrase',
  'counter',
  'changed word',
  'Chinese',
] as const

function loop(draw: Draw, kind: Loop['kind']): Loop {
  const before = draw.times(draw.int(2, 8), () => draw.sentence()).join(' ')
  const round = roundOf(draw, kind)
  const rounds = [round(0), round(1)]
  for (let length = 0; length < REST + 2 * rounds[0].length; length += rounds.at(-1)!.length)
    rounds.push(round(rounds.length))
  return { kind, before: `${before} `, rounds }
}

/** What the loop says in each of its rounds. */
function roundOf(draw: Draw, kind: Loop['kind']): (index: number) => string {
  switch (kind) {
    case 'phrase': {
      const words = draw.sentence().split(' ')
      const text = `${words.slice(0, draw.int(1, words.length)).join(' ')} `
      return () => text
    }
    case 'sentences': {
      const text = `${draw.times(draw.int(1, 6), () => draw.sentence()).join(' ')}\n`
      return () => text
    }
    case 'paragraph': {
      const text = `${draw.of(english).slice(0, draw.int(200, 600))}\n\n`
      return () => text
    }
    case 'counter': {
      const first = draw.int(1, 12)
      const thought = draw.times(draw.int(1, 3), () => draw.sentence()).join(' ')
      const opening = draw.of(['Step', 'Attempt', 'Wait, let me check case', 'Option', 'So for n ='])
      return (index) => `${opening} ${first + index}: ${thought}${draw.of([' ', ' ', ' '])}`
    }
    case 'changed word': {
      const [head, tail] = [draw.sentence(), draw.sentence()]
      const words = draw.of([NAMES, CITIES, NOUNS, ADJECTIVES])
      const asked = draw.of(['But what about', 'Maybe it is', 'Hmm, let me try', 'Or perhaps I should think of'])
      return () => `${asked} ${draw.of(words)}? ${head} No, that is not it. ${tail} `
    }
    case 'drift': {
      const text = draw.times(draw.int(2, 4), () => draw.sentence()).join(' ')
      return () =>
        `${draw.of(['Wait,', 'Hmm,', 'But', 'Okay,', 'Actually,'])} ${text}${draw.of(['\n', '\n\n', ' So yes. '])}`
    }
    case 'Chinese': {
      const text = draw.times(draw.int(1, 4), () => draw.hanSentence()).join('')
      return draw.chance(0.5) ? () => text : (index) => `第${index + 1}步：${text}`
    }
  }
}
