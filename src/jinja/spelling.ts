import {
  isBool,
  isDict,
  isFloat,
  isInt,
  isList,
  isNone,
  isStr,
  isTuple,
  isUndefined,
  TemplateError,
  typeName,
  type Value,
} from './values.ts'

/** A float as Python's repr writes it: the shortest digits that give it back, an exponent below 1e-4 and from 1e16 on. */
export function spelledFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [digits, exponent] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power < -4 || power >= 16) {
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  }
  const plain = power < 0 ? value.toFixed(digits.replace(/[-.]/g, '').length - 1 - power) : String(value)
  return plain.includes('.') ? plain : `${plain}.0`
}

/** Python's str(). */
export function spelled(value: Value): string {
  if (isStr(value)) return value.value
  if (isUndefined(value)) return ''
  return represented(value)
}

/** Python's repr(). */
export function represented(value: Value): string {
  if (isStr(value)) return quoted(value.value)
  if (isInt(value)) return String(value.value)
  if (isFloat(value)) return spelledFloat(value.value)
  if (isBool(value)) return value.value ? 'True' : 'False'
  if (isNone(value)) return 'None'
  if (isUndefined(value)) return 'Undefined'
  if (isTuple(value)) {
    return value.value.length === 1
      ? `(${represented(value.value[0])},)`
      : `(${value.value.map(represented).join(', ')})`
  }
  if (isList(value)) return `[${value.value.map(represented).join(', ')}]`
  if (isDict(value)) {
    return `{${[...value.value].map(([key, item]) => `${quoted(key)}: ${represented(item)}`).join(', ')}}`
  }
  return `<${typeName(value)}>`
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replace(/[\\\p{C}\p{Z}]/gu, (character) => {
    if (character === ' ') return character
    if (character in ESCAPES) return ESCAPES[character]
    const code = character.codePointAt(0)!
    if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
    return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
  })
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

export interface JsonStyle {
  /** What a level of nesting is indented by; undefined: all in one line. */
  readonly indent?: string
  readonly ensureAscii?: boolean
  readonly sortKeys?: boolean
  /** Between items, and between a key and its value. */
  readonly separators?: readonly [string, string]
}

/** Python's json.dumps(). */
export function dumped(value: Value, style: JsonStyle = {}): string {
  const { indent, sortKeys, separators = [indent === undefined ? ', ' : ',', ': '] } = style
  return write(value, '\n')

  function write(value: Value, newline: string): string {
    if (isStr(value)) return literal(value.value)
    if (isInt(value)) return String(value.value)
    if (isFloat(value)) return spelledFloat(value.value).replace('inf', 'Infinity').replace('nan', 'NaN')
    if (isBool(value)) return String(value.value)
    if (isNone(value)) return 'null'
    const deeper = newline + (indent ?? '')
    if (isList(value))
      return bracketed(
        '[]',
        newline,
        deeper,
        value.value.map((item) => write(item, deeper)),
      )
    if (isDict(value)) {
      const entries = [...value.value]
      if (sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : 1))
      const items = entries.map(([key, item]) => literal(key) + separators[1] + write(item, deeper))
      return bracketed('{}', newline, deeper, items)
    }
    throw new TemplateError(`Object of type ${typeName(value)} is not JSON serializable`)
  }

  function bracketed([open, close]: string, newline: string, deeper: string, items: string[]): string {
    if (items.length === 0) return open + close
    if (indent === undefined) return open + items.join(separators[0]) + close
    return open + deeper + items.join(separators[0] + deeper) + newline + close
  }

  function literal(text: string): string {
    const json = JSON.stringify(text)
    if (!style.ensureAscii) return json
    return json.replace(/[\x7f-\uffff]/g, (unit) =>
      unit === '\x7f' ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  }
}
