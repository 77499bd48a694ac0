// Draws what run.ts has measured: mean KL, on a logarithmic scale, against bits a weight.
//
//   npm exec -- node bench/quantization/plot.ts bench/quantization/NAME.json docs/quantization-NAME.svg
import { readFile, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { Point } from './run.ts'

const [WIDTH, HEIGHT] = [720, 440]
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 16, 40, 48]
const COLOURS: Record<Point['method'], string> = {
  rounded: '#999999',
  rotated: '#c9a227',
  calibrated: '#2a7fba',
  allocated: '#c0392b',
  'llama.cpp': '#333333',
}
const NAMES: Record<Point['method'], string> = {
  rounded: 'rounded',
  rotated: 'rotated, rounded',
  calibrated: 'rotated, with feedback',
  allocated: 'with feedback, bits where they pay (--bits)',
  'llama.cpp': 'llama.cpp, importance matrix',
}

const [results, out] = new Command().argument('<results>').argument('<svg>').parse().args
const { model, points } = JSON.parse(await readFile(results, 'utf8')) as { model: string; points: Point[] }

const bits = points.map((point) => point.bits)
const kls = points.map(({ meanKl }) => Math.log10(meanKl))
const [fromBits, toBits] = [Math.floor(Math.min(...bits) * 2) / 2, Math.ceil(Math.max(...bits) * 2) / 2]
const [fromKl, toKl] = [Math.floor(Math.min(...kls)), Math.ceil(Math.max(...kls))]
const x = (value: number) => LEFT + ((value - fromBits) / (toBits - fromBits)) * (WIDTH - LEFT - RIGHT)
const y = (kl: number) => TOP + ((toKl - Math.log10(kl)) / (toKl - fromKl)) * (HEIGHT - TOP - BOTTOM)
const at = ({ bits, meanKl }: Point) => `${x(bits).toFixed(1)},${y(meanKl).toFixed(1)}`

const lines: string[] = []
for (let value = fromBits; value <= toBits; value += 0.5) {
  lines.push(line(x(value), TOP, x(value), HEIGHT - BOTTOM), text(x(value), HEIGHT - BOTTOM + 16, `${value}`, 'middle'))
}
for (let power = fromKl; power <= toKl; power++) {
  for (const step of power === toKl ? [1] : [1, 2, 5]) {
    const kl = step * 10 ** power
    lines.push(
      line(LEFT, y(kl), WIDTH - RIGHT, y(kl)),
      text(LEFT - 6, y(kl) + 4, `${Number(kl.toPrecision(1))}`, 'end'),
    )
  }
}
lines.push(text(WIDTH / 2, HEIGHT - 10, 'bits a weight, all bytes of all tensors counted', 'middle'))
lines.push(text(LEFT, 18, `${model}: mean KL from the file's own weights`, 'start'))

const methods = (Object.keys(COLOURS) as Point['method'][]).filter((method) => points.some((p) => p.method === method))
methods.forEach((method, i) => {
  const own = points.filter((point) => point.method === method).sort((a, b) => a.bits - b.bits)
  const colour = COLOURS[method]
  lines.push(`<polyline points="${own.map(at).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`)
  for (const point of own) {
    const [px, py] = at(point).split(',')
    lines.push(`<circle cx="${px}" cy="${py}" r="3.5" fill="${colour}"><title>${point.setting}</title></circle>`)
    if (method === 'llama.cpp') lines.push(text(Number(px) + 6, Number(py) - 6, point.setting, 'start'))
  }
  const row = TOP + 14 + i * 18
  lines.push(
    `<circle cx="${WIDTH - 300}" cy="${row - 4}" r="4" fill="${colour}"/>`,
    text(WIDTH - 290, row, NAMES[method], 'start'),
  )
})

await writeFile(
  out,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>${model}: mean KL against bits a weight</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${lines.join('\n')}
</svg>
`,
)

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#e0e0e0"/>`
}

function text(left: number, baseline: number, value: string, anchor: string): string {
  return `<text x="${left.toFixed(1)}" y="${baseline.toFixed(1)}" text-anchor="${anchor}" fill="#222222">${value}</text>`
}
