import { readdirSync, readFileSync } from 'node:fs'
import { ADJECTIVES, CITIES, Draw, HAN_NOUNS, NAMES, NOUNS, VERBS } from './words.ts'

/** A text that repeats no more than such texts do. */
export interface Sound {
  readonly kind: string
  readonly text: string
}

const ROOT = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const list = (folder: string, ending: string) =>
  readdirSync(new URL(folder, ROOT), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(ending) && !name.includes('node_modules'))
    .sort()
    .map((name) => `${folder}${name}`)

/** Characters of a piece of a real text. */
const PIECE = 3000
/** Kinds that change with this repository. */
export const LIVE: ReadonlySet<string> = new Set(['code', 'styles', 'documentation'])

const real: Record<string, () => string> = {
  prose: () =>
    texts('src/quantize/calibration.json').slice(0, 10).join('\n\n') + texts('src/quantize/quality.json').join('\n\n'),
  'older code': () => texts('src/quantize/calibration.json').slice(10).join('\n\n'),
  code: () => [...list('src/', '.ts'), ...list('assembly/', '.ts')].map(read).join('\n'),
  styles: () => [...list('src/widget/', '.ts'), ...list('src/deploy/', '.ts')].map(read).join('\n'),
  documentation: () => list('docs/', '.md').map(read).join('\n'),
  JSON: () =>
    read('package.json') + read('test/fixtures/json-schema-suite.json') + read('test/fixtures/template-qwen2.json'),
}

function texts(path: string): string[] {
  return (JSON.parse(read(path)) as { text?: string }[]).flatMap(({ text }) => text ?? [])
}

type Generator = (draw: Draw) => string

const generated: Record<string, Generator> = {
  proof(draw) {
    const m = draw.int(4, 9)
    const cases = draw.times(
      m,
      (r) =>
        `If n ≡ ${r} (mod ${m}), then n² ≡ ${(r * r) % m} (mod ${m})${r % 2 === 0 ? '' : `, so that n² + 1 ≡ ${(r * r + 1) % m} (mod ${m})`}.`,
    )
    const k = draw.int(2, 9)
    return [
      `Claim. The square of an integer leaves one of ${new Set(draw.times(m, (r) => (r * r) % m)).size} rests when it is divided by ${m}.`,
      ...cases,
      `Every integer is in one of these cases, which proves the claim. ∎\n\nBy induction we show that the sum of the first n multiples of ${k} is ${k}n(n + 1)/2.`,
      `For n = 1 both sides are ${k}. Assume that it holds for n. Then the sum of the first n + 1 multiples is ${k}n(n + 1)/2 + ${k}(n + 1) = ${k}(n + 1)(n + 2)/2,`,
      `which is the formula for n + 1. ${draw.sentence()} Let ε > 0 be given, and choose δ = ε/${k}. Then |x − a| < δ gives |${k}x − ${k}a| = ${k}|x − a| < ε.`,
    ].join('\n')
  },
  verse(draw) {
    const chorus = draw.times(draw.int(2, 5), () => draw.sentence())
    const twice = draw.chance(0.3)
    return draw
      .times(draw.int(3, 6), () => {
        const stanza = draw.times(draw.int(3, 5), () => draw.sentence())
        return [...stanza, '', ...chorus, ...(twice ? chorus : []), ''].join('\n')
      })
      .join('\n')
  },
  Chinese(draw) {
    const prose = draw.times(draw.int(15, 40), () => draw.hanSentence())
    if (draw.chance(0.5)) return prose.join('')
    return prose.map((text, index) => `${index + 1}. ${draw.of(HAN_NOUNS)}：${text}`).join('\n')
  },
  'JSON array'(draw) {
    const record = (id: number) => ({
      id,
      name: draw.of(NAMES),
      city: draw.of(CITIES),
      ...(draw.chance(0.5) && { tags: draw.times(draw.int(0, 3), () => draw.of(NOUNS)) }),
      active: draw.chance(0.7),
      score: draw.int(0, 1000) / 10,
    })
    const records = draw.times(draw.int(10, 40), (index) => record(index + 1))
    return draw.of([
      () => JSON.stringify(records, undefined, 2),
      () => JSON.stringify(records),
      () => JSON.stringify(draw.times(12, () => draw.times(12, () => draw.int(0, 9)))),
      () =>
        JSON.stringify(
          draw.times(30, (index) => ({ type: 'point', visible: true, layer: 'base', x: index, y: draw.int(0, 99) })),
        ),
    ])()
  },
  table(draw) {
    const rows = draw.times(
      draw.int(10, 40),
      () =>
        `| ${draw.of(NAMES)} | ${draw.int(18, 90)} | ${draw.of(CITIES)} | ${draw.chance(0.8) ? 'yes' : 'no'} | ${draw.of(ADJECTIVES)} ${draw.of(NOUNS)} |`,
    )
    return ['| name | age | city | member | gift |', '|---|---|---|---|---|', ...rows].join('\n')
  },
  multiplication(draw) {
    const times = draw.of([' x ', ' × ', '*', ' times '])
    const factors = draw.times(draw.int(3, 10), (index) => 2 * index + draw.int(1, 2))
    return factors.flatMap((a) => draw.times(12, (b) => `${a}${times}${b + 1} = ${a * (b + 1)}`)).join('\n')
  },
  'hex dump'(draw) {
    const byte = () => draw.int(0, 255).toString(16).padStart(2, '0')
    return draw
      .times(draw.int(15, 40), (row) => {
        const bytes = draw.chance(0.15) ? draw.times(16, () => '00') : draw.times(16, byte)
        return `${(row * 16).toString(16).padStart(8, '0')}  ${bytes.join(' ')}`
      })
      .join('\n')
  },
  list(draw) {
    const from = draw.int(1, 20)
    const item = draw.of<(n: number) => string>([
      (n) => `Item ${n}`,
      (n) => `- [ ] Task ${n}`,
      (n) => `Chapter ${n}: The ${draw.of(ADJECTIVES)} ${draw.of(NOUNS)}`,
      (n) => `Room ${100 + n}: free`,
      (n) => `let x${n} = ${draw.int(0, 9)};`,
      (n) => `<li><a href="/page/${n}">Page ${n}</a></li>`,
      (n) => `${n}. ${draw.of(NAMES)} ${draw.of(VERBS)} the ${draw.of(NOUNS)}.`,
      (n) => `https://example.org/photos/2024/photo-${n}.jpg`,
      (n) => `The square of ${n} is ${n * n}.`,
      (n) => `user${n}@example.com`,
      (n) => `export const COLOR_${n} = '#${draw.int(0x100000, 0xffffff).toString(16)}'`,
      (n) => `Week ${n}: run ${n + 2} km on Monday, ${n + 4} km on Thursday, and rest on Sunday.`,
      (n) => `Day ${n}: ${draw.sentence()}`,
    ])
    return draw.times(draw.int(15, 60), (index) => item(from + index)).join('\n')
  },
  thought(draw) {
    const [a, b] = [draw.int(11, 99), draw.int(11, 99)]
    return [
      `Okay, so I need ${a} × ${b}. Let me think. ${a} × ${b} = ${a} × ${Math.floor(b / 10) * 10} + ${a} × ${b % 10}.`,
      `${a} × ${Math.floor(b / 10) * 10} = ${a * Math.floor(b / 10) * 10}, and ${a} × ${b % 10} = ${a * (b % 10)}. So it is ${a * b}.`,
      `Wait, let me double-check. ${b} × ${a} = ${b} × ${Math.floor(a / 10) * 10} + ${b} × ${a % 10} = ${b * Math.floor(a / 10) * 10} + ${b * (a % 10)} = ${a * b}. Yes.`,
      ...draw.times(
        draw.int(3, 8),
        () => `Hmm, but ${draw.sentence().toLowerCase()} Wait, is that what is asked? ${draw.sentence()}`,
      ),
      `So the answer is ${a * b}. Let me check once more: ${a * b} / ${a} = ${b}. Good. The answer is ${a * b}.`,
    ].join('\n')
  },
}

/** How many of each; real texts are cut into pieces, and begin somewhere. */
const COUNTS: Record<string, number> = {
  ...{ prose: 60, 'older code': 20, code: 70, styles: 20, documentation: 50, JSON: 20 },
  ...{
    proof: 35,
    verse: 40,
    Chinese: 35,
    'JSON array': 30,
    table: 20,
    multiplication: 15,
    'hex dump': 15,
    list: 50,
    thought: 20,
  },
}

/** 500 of them, the same ones each time but for the live ones; `share`: of each kind. */
export function soundTexts(share = 1): Sound[] {
  return Object.entries(COUNTS).flatMap(([kind, count], number) => {
    const whole = real[kind]?.()
    return Array.from({ length: Math.ceil(count * share) }, (_, seed) => {
      const draw = new Draw(1000 * (number + 1) + seed)
      if (whole === undefined) return { kind, text: generated[kind](draw) }
      const start = draw.int(0, Math.max(0, whole.length - PIECE))
      return { kind, text: whole.slice(start, start + PIECE) }
    })
  })
}
