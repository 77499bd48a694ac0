import { Arguments } from './arguments.ts'
import { formatted } from './format.ts'
import { method } from './methods.ts'
import { compare, equal, operate } from './operators.ts'
import { itemAt, iterate, lengthOf } from './sequences.ts'
import { dumped, spelled } from './spelling.ts'
import { passes } from './tests.ts'
import * as texts from './texts.ts'
import {
  type Callable,
  float,
  int,
  isDict,
  isInt,
  isList,
  isStr,
  isTrue,
  isUndefined,
  list,
  numeric,
  str,
  TemplateError,
  tuple,
  typeName,
  UNDEFINED,
  type Value,
} from './values.ts'

type Filter = (value: Value, args: Arguments) => Value

/** The filters of Jinja that are methods of strings too. */
const asMethod =
  (name: string): Filter =>
  (value) =>
    (method(str(spelled(value)), name)!.value as Callable)([], undefined as never)

const FILTERS: Record<string, Filter> = {
  abs: (value) => (compare(value, int(0)) < 0 ? operate('-', int(0), value) : value),
  attr: (value, args) => attribute(value, args.needed(0, 'name')),
  batch: (value, args) => {
    const all = iterate(value)
    const size = Math.max(1, args.int(0, 'linecount') ?? 1)
    const rows = Array.from({ length: Math.ceil(all.length / size) }, (_, row) =>
      all.slice(row * size, (row + 1) * size),
    )
    const fill = args.get(1, 'fill_with')
    return list(rows.map((row) => list(fill ? [...row, ...Array(size - row.length).fill(fill)] : [...row])))
  },
  capitalize: asMethod('capitalize'),
  center: (value, args) => str(texts.justified(spelled(value), args.int(0, 'width') ?? 80, ' ', 'center')),
  default: (value, args) =>
    isUndefined(value) || (args.flag(1, 'boolean') && !isTrue(value))
      ? (args.get(0, 'default_value') ?? str(''))
      : value,
  dictsort: (value, args) => {
    const by = args.str(1, 'by') === 'value' ? 1 : 0
    const pairs = [...entries(value)].map(([key, item]) => tuple([str(key), item]))
    return list(
      sorted(pairs, (pair) => (pair.value as Value[])[by], args.flag(0, 'case_sensitive'), args.flag(2, 'reverse')),
    )
  },
  escape: (value) => str(spelled(value).replace(/[&<>'"]/g, (c) => `&${ENTITIES[c]};`)),
  first: (value) => iterate(value)[0] ?? UNDEFINED,
  float: (value, args) => float(parsedNumber(value) ?? Number(args.get(0, 'default')?.value ?? 0)),
  format: (value, args) => str(formatted(spelled(value), args.positional, args.keywords)),
  groupby: (value, args) => {
    const key = (item: Value) => attribute(item, args.needed(0, 'attribute'))
    const groups: [Value, Value[]][] = []
    for (const item of sorted([...iterate(value)], key, args.flag(2, 'case_sensitive'), false)) {
      const last = groups.at(-1)
      if (last && equal(last[0], key(item))) last[1].push(item)
      else groups.push([key(item), [item]])
    }
    return list(groups.map(([name, items]) => tuple([name, list(items)])))
  },
  indent: (value, args) => {
    const width = args.get(0, 'width')
    const by = width && isStr(width) ? width.value : ' '.repeat(Math.min(args.int(0, 'width') ?? 4, 1000))
    const [first, blank] = [args.flag(1, 'first'), args.flag(2, 'blank')]
    const lines = texts.lines(`${spelled(value)}\n`, false)
    return str(lines.map((line, at) => ((at === 0 ? first : line || blank) ? by + line : line)).join('\n'))
  },
  int: (value, args) => {
    if (isInt(value)) return value
    if (isStr(value) && /^\s*[-+]?\d+\s*$/.test(value.value)) return int(BigInt(value.value))
    const number = parsedNumber(value)
    return number === undefined || !Number.isFinite(number)
      ? (args.get(0, 'default') ?? int(0))
      : int(Math.trunc(number) + 0)
  },
  items: (value) => list([...entries(value)].map(([key, item]) => tuple([str(key), item]))),
  join: (value, args) => {
    const name = args.get(1, 'attribute')
    const parts = iterate(value).map((item) => spelled(name ? attribute(item, name) : item))
    return str(parts.join(spelled(args.get(0, 'd') ?? str(''))))
  },
  last: (value) => iterate(value).at(-1) ?? UNDEFINED,
  length: lengthOf,
  list: (value) => list([...iterate(value)]),
  lower: asMethod('lower'),
  map: (value, args) => {
    const name = args.keywords.get('attribute')
    if (name) {
      const absent = args.keywords.get('default')
      const mapped = iterate(value).map((item) => attribute(item, name))
      return list(mapped.map((item) => (isUndefined(item) && absent ? absent : item)))
    }
    const rest = args.positional.slice(1)
    return list(iterate(value).map((item) => filtered(args.neededStr(0, 'filter'), item, new Arguments(rest))))
  },
  max: (value, args) => extreme(value, args, -1),
  min: (value, args) => extreme(value, args, 1),
  reject: (value, args) => list(iterate(value).filter((item) => !chosen(item, args.positional))),
  rejectattr: (value, args) => list(iterate(value).filter((item) => !chosenByAttribute(item, args.positional))),
  replace: (value, args) => {
    const [old, by] = [spelled(args.needed(0, 'old')), spelled(args.needed(1, 'new'))]
    return str(texts.replaced(spelled(value), old, by, args.int(2, 'count') ?? -1))
  },
  reverse: (value) =>
    isStr(value) ? str(Array.from(value.value).reverse().join('')) : list([...iterate(value)].reverse()),
  round: (value, args) => {
    const number = numeric(value)
    if (!number) throw new TemplateError(`'${typeName(value)}' cannot be rounded`)
    const method = { ceil: Math.ceil, floor: Math.floor, common: halfToEven }[args.str(1, 'method') ?? 'common']
    if (!method) throw new TemplateError("the method of round is 'common', 'ceil' or 'floor'")
    const scale = 10 ** (args.int(0, 'precision') ?? 0)
    return isInt(value) ? value : float(method(Number(number.value) * scale) / scale)
  },
  safe: (value) => str(spelled(value)),
  select: (value, args) => list(iterate(value).filter((item) => chosen(item, args.positional))),
  selectattr: (value, args) => list(iterate(value).filter((item) => chosenByAttribute(item, args.positional))),
  sort: (value, args) => {
    const name = args.get(2, 'attribute')
    const key = (item: Value) => (name ? attribute(item, name) : item)
    return list(sorted([...iterate(value)], key, args.flag(1, 'case_sensitive'), args.flag(0, 'reverse')))
  },
  string: (value) => str(spelled(value)),
  sum: (value, args) => {
    const name = args.get(0, 'attribute')
    const items = iterate(value).map((item) => (name ? attribute(item, name) : item))
    return items.reduce((sum, item) => operate('+', sum, item), args.get(1, 'start') ?? int(0))
  },
  title: (value) =>
    // Unlike the method, this looks at what stands before a word only.
    str(spelled(value).replace(/[^-\s({[<]+/g, texts.capitalized)),
  tojson: (value, args) => str(dumped(value, jsonStyle(args))),
  trim: (value, args) => str(texts.stripped(spelled(value), args.str(0, 'chars'), 'both')),
  truncate: (value, args) => {
    const [text, length, end] = [spelled(value), args.int(0, 'length') ?? 255, args.str(2, 'end') ?? '...']
    const all = Array.from(text)
    if (all.length <= length + (args.int(3, 'leeway') ?? 5)) return str(text)
    const cut = all.slice(0, Math.max(0, length - end.length)).join('')
    return str((args.flag(1, 'killwords') ? cut : cut.replace(/ [^ ]*$/, '')) + end)
  },
  unique: (value, args) => {
    const key = (item: Value) => (isStr(item) && !args.flag(0, 'case_sensitive') ? str(item.value.toLowerCase()) : item)
    const kept: Value[] = []
    for (const item of iterate(value)) if (!kept.some((other) => equal(key(other), key(item)))) kept.push(item)
    return list(kept)
  },
  upper: asMethod('upper'),
  wordcount: (value) => int(spelled(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
}

const ALIASES: Record<string, string> = { count: 'length', d: 'default', e: 'escape', forceescape: 'escape' }
const ENTITIES: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', "'": '#39', '"': '#34' }

/** A value through a filter of Jinja, as transformers has them. */
export function filtered(name: string, value: Value, args: Arguments): Value {
  const found = ALIASES[name] ?? name
  if (!Object.hasOwn(FILTERS, found)) throw new TemplateError(`there is no filter '${name}'`)
  return FILTERS[found](value, args)
}

function entries(value: Value): ReadonlyMap<string, Value> {
  if (isUndefined(value)) return new Map()
  if (!isDict(value)) throw new TemplateError(`'${typeName(value)}' has no items`)
  return value.value
}

/** An attribute by its path, 'a.b' or an index; undefined where there is none. */
function attribute(value: Value, name: Value): Value {
  const path = isInt(name) ? [String(name.value)] : spelled(name).split('.')
  return path.reduce<Value>((at, step) => {
    if (isDict(at)) return at.value.get(step) ?? UNDEFINED
    return (isList(at) || isStr(at)) && /^-?\d+$/.test(step) ? (itemAt(at, Number(step)) ?? UNDEFINED) : UNDEFINED
  }, value)
}

function chosen(value: Value, [test, ...args]: readonly Value[]): boolean {
  return test ? passes(spelled(test), value, args) : isTrue(value)
}

function chosenByAttribute(value: Value, [name, ...test]: readonly Value[]): boolean {
  if (!name) throw new TemplateError('the name of the attribute is missing')
  return chosen(attribute(value, name), test)
}

function sorted(items: Value[], key: (item: Value) => Value, caseSensitive: boolean, reverse: boolean): Value[] {
  const folded = (item: Value) => {
    const value = key(item)
    return isStr(value) && !caseSensitive ? str(value.value.toLowerCase()) : value
  }
  return items.sort((a, b) => (reverse ? compare(folded(b), folded(a)) : compare(folded(a), folded(b))))
}

function extreme(value: Value, args: Arguments, sign: 1 | -1): Value {
  const name = args.get(1, 'attribute')
  const key = (item: Value) => (name ? attribute(item, name) : item)
  const items = [...iterate(value)]
  return items.sort((a, b) => sign * compare(key(a), key(b)))[0] ?? UNDEFINED
}

function parsedNumber(value: Value): number | undefined {
  const number = numeric(value)
  if (number) return Number(number.value)
  if (!isStr(value) || !/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value.value)) return undefined
  return Number(value.value)
}

/** As Python's round(). */
function halfToEven(value: number): number {
  const rounded = Math.round(value)
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

function jsonStyle(args: Arguments) {
  const indent = args.get(1, 'indent')
  const separators = args.get(2, 'separators')
  return {
    ensureAscii: args.flag(0, 'ensure_ascii'),
    indent:
      indent && isStr(indent)
        ? indent.value
        : indent && isInt(indent)
          ? ' '.repeat(Math.min(Number(indent.value), 100))
          : undefined,
    separators: separators && isList(separators) ? (separators.value.map(spelled) as [string, string]) : undefined,
    sortKeys: args.flag(3, 'sort_keys'),
  }
}
