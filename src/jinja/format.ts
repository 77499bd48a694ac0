import { represented, spelled } from './spelling.ts'
import { numeric, TemplateError, type Value } from './values.ts'

const DIRECTIVE = /%(?:\((\w+)\))?([-+ 0#]*)(\d*)(?:\.(\d+))?([sdifxXrc%])/g
const MAX_WIDTH = 1000

/** Python's `text % values`. */
export function formatted(text: string, values: readonly Value[], keywords?: ReadonlyMap<string, Value>): string {
  let next = 0
  const result = text.replace(DIRECTIVE, (_, name: string, flags: string, width: string, precision: string, kind) => {
    if (kind === '%') return '%'
    const value = name === undefined ? values[next++] : keywords?.get(name)
    if (value === undefined) throw new TemplateError('not enough arguments for format string')
    const written = directive(kind, value, precision === undefined ? undefined : Number(precision))
    const signed = flags.includes('+') && 'dif'.includes(kind) && !written.startsWith('-') ? `+${written}` : written
    return padded(signed, flags, Math.min(Number(width), MAX_WIDTH), kind)
  })
  if (next < values.length && next > 0) throw new TemplateError('not all arguments converted during string formatting')
  return result
}

function directive(kind: string, value: Value, precision: number | undefined): string {
  if (kind === 's' || kind === 'r') return (kind === 's' ? spelled : represented)(value).slice(0, precision)
  if (kind === 'c') return spelled(value)
  const number = numeric(value)
  if (!number) throw new TemplateError(`%${kind} needs a number`)
  if (kind === 'f') return Number(number.value).toFixed(Math.min(precision ?? 6, 100))
  const whole = typeof number.value === 'bigint' ? number.value : BigInt(Math.trunc(number.value))
  const digits = whole.toString(kind === 'x' || kind === 'X' ? 16 : 10)
  return kind === 'X' ? digits.toUpperCase() : digits
}

function padded(text: string, flags: string, width: number, kind: string): string {
  if (flags.includes('-')) return text.padEnd(width)
  if (!flags.includes('0') || kind === 's' || kind === 'r') return text.padStart(width)
  const sign = /^[-+]/.exec(text)?.[0] ?? ''
  return sign + text.slice(sign.length).padStart(width - sign.length, '0')
}

/** Python's `text.format(…)`: fields by position and by name, without format specifications. */
export function formattedBraces(text: string, values: readonly Value[], keywords: ReadonlyMap<string, Value>): string {
  let next = 0
  return text.replace(/\{\{|\}\}|\{(\w*)(![rs])?\}/g, (field, name: string | undefined, conversion) => {
    if (name === undefined) return field[0]
    const value = name === '' ? values[next++] : /^\d+$/.test(name) ? values[Number(name)] : keywords.get(name)
    if (value === undefined) throw new TemplateError(`format() has no argument for '${field}'`)
    return conversion === '!r' ? represented(value) : spelled(value)
  })
}
