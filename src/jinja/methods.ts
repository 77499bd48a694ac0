import { Arguments } from './arguments.ts'
import { formattedBraces } from './format.ts'
import { equal } from './operators.ts'
import { iterate } from './sequences.ts'
import * as texts from './texts.ts'
import {
  bool,
  dict,
  func,
  int,
  isDict,
  isList,
  isStr,
  list,
  NONE,
  str,
  TemplateError,
  tuple,
  typeName,
  type Value,
} from './values.ts'

type Method<T> = (self: T, args: Arguments) => Value

const strs = (parts: readonly string[]) => list(parts.map(str))
const index = (of: string, at: number) => (at < 0 ? -1 : texts.characters(of.slice(0, at)).length)
/** Letters of the text have a case, and all of them this one. */
const hasCase = (text: string, same: (text: string) => string, other: (text: string) => string) =>
  text === same(text) && text !== other(text)
const lower = (text: string) => text.toLowerCase()
const upper = (text: string) => text.toUpperCase()

const OF_STRINGS: Record<string, Method<string>> = {
  upper: (self) => str(upper(self)),
  lower: (self) => str(lower(self)),
  casefold: (self) => str(lower(self)),
  swapcase: (self) => str(self.replace(/./gsu, (c) => (c === lower(c) ? upper(c) : lower(c)))),
  title: (self) => str(texts.titled(self)),
  capitalize: (self) => str(texts.capitalized(self)),
  strip: (self, args) => str(texts.stripped(self, args.str(0, 'chars'), 'both')),
  lstrip: (self, args) => str(texts.stripped(self, args.str(0, 'chars'), 'left')),
  rstrip: (self, args) => str(texts.stripped(self, args.str(0, 'chars'), 'right')),
  split: (self, args) => strs(texts.split(self, args.str(0, 'sep'), args.int(1, 'maxsplit') ?? -1, false)),
  rsplit: (self, args) => strs(texts.split(self, args.str(0, 'sep'), args.int(1, 'maxsplit') ?? -1, true)),
  splitlines: (self, args) => strs(texts.lines(self, args.flag(0, 'keepends'))),
  replace: (self, args) =>
    str(texts.replaced(self, args.neededStr(0, 'old'), args.neededStr(1, 'new'), args.int(2, 'count') ?? -1)),
  startswith: (self, args) => bool(affixes(args, 'prefix').some((prefix) => part(self, args).startsWith(prefix))),
  endswith: (self, args) => bool(affixes(args, 'suffix').some((suffix) => part(self, args).endsWith(suffix))),
  removeprefix: (self, args) => {
    const prefix = args.neededStr(0, 'prefix')
    return str(self.startsWith(prefix) ? self.slice(prefix.length) : self)
  },
  removesuffix: (self, args) => {
    const suffix = args.neededStr(0, 'suffix')
    return str(suffix !== '' && self.endsWith(suffix) ? self.slice(0, -suffix.length) : self)
  },
  find: (self, args) => int(index(self, self.indexOf(args.neededStr(0, 'sub')))),
  rfind: (self, args) => int(index(self, self.lastIndexOf(args.neededStr(0, 'sub')))),
  index: (self, args) => int(found(index(self, self.indexOf(args.neededStr(0, 'sub'))))),
  rindex: (self, args) => int(found(index(self, self.lastIndexOf(args.neededStr(0, 'sub'))))),
  count: (self, args) => {
    const sub = args.neededStr(0, 'sub')
    return int(sub === '' ? texts.characters(self).length + 1 : self.split(sub).length - 1)
  },
  join: (self, args) => str(iterate(args.needed(0, 'iterable')).map(asStr).join(self)),
  format: (self, args) => str(formattedBraces(self, args.positional, args.keywords)),
  partition: (self, args) => parted(self, args.neededStr(0, 'sep'), self.indexOf(args.neededStr(0, 'sep')), false),
  rpartition: (self, args) => parted(self, args.neededStr(0, 'sep'), self.lastIndexOf(args.neededStr(0, 'sep')), true),
  zfill: (self, args) => {
    const sign = /^[-+]/.exec(self)?.[0] ?? ''
    return str(sign + texts.justified(self.slice(sign.length), args.int(0, 'width')! - sign.length, '0', 'right'))
  },
  center: (self, args) => str(texts.justified(self, args.int(0, 'width')!, args.str(1, 'fillchar') ?? ' ', 'center')),
  ljust: (self, args) => str(texts.justified(self, args.int(0, 'width')!, args.str(1, 'fillchar') ?? ' ', 'left')),
  rjust: (self, args) => str(texts.justified(self, args.int(0, 'width')!, args.str(1, 'fillchar') ?? ' ', 'right')),
  isalpha: (self) => bool(/^\p{L}+$/u.test(self)),
  isalnum: (self) => bool(/^[\p{L}\p{N}]+$/u.test(self)),
  isdigit: (self) => bool(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨]+$/u.test(self)),
  isdecimal: (self) => bool(/^\p{Nd}+$/u.test(self)),
  isnumeric: (self) => bool(/^\p{N}+$/u.test(self)),
  isspace: (self) => bool(texts.isSpace(self)),
  islower: (self) => bool(hasCase(self, lower, upper)),
  isupper: (self) => bool(hasCase(self, upper, lower)),
  isascii: (self) => bool(/^\p{ASCII}*$/u.test(self)),
}

const OF_LISTS: Record<string, Method<Value[]>> = {
  index: (self, args) => int(found(self.findIndex((item) => equal(item, args.needed(0, 'value'))))),
  count: (self, args) => int(self.filter((item) => equal(item, args.needed(0, 'value'))).length),
}

const OF_DICTS: Record<string, Method<Map<string, Value>>> = {
  get: (self, args) => {
    const key = args.needed(0, 'key')
    return (isStr(key) ? self.get(key.value) : undefined) ?? args.get(1, 'default') ?? NONE
  },
  items: (self) => list([...self].map(([key, value]) => tuple([str(key), value]))),
  keys: (self) => strs([...self.keys()]),
  values: (self) => list([...self.values()]),
  copy: (self) => dict(new Map(self)),
}

/** A method of a string, list or dict, bound to it; undefined where Python, or its sandbox, has none of this name. */
export function method(self: Value, name: string): Value | undefined {
  if (isStr(self)) return bound(OF_STRINGS, name, self.value)
  if (isList(self)) return bound(OF_LISTS, name, self.value)
  return isDict(self) ? bound(OF_DICTS, name, self.value) : undefined
}

function bound<T>(methods: Record<string, Method<T>>, name: string, self: T): Value | undefined {
  if (!Object.hasOwn(methods, name)) return undefined
  return func((args) => methods[name](self, new Arguments(args)))
}

function asStr(value: Value): string {
  if (!isStr(value)) throw new TemplateError(`expected str instance, ${typeName(value)} found`)
  return value.value
}

/** The first argument of startswith() and endswith(): a text or a tuple of such. */
function affixes(args: Arguments, name: string): readonly string[] {
  const value = args.needed(0, name)
  return isList(value) ? value.value.map(asStr) : [asStr(value)]
}

/** The part of the text that startswith() and endswith() are asked for. */
function part(self: string, args: Arguments): string {
  const [start, end] = [args.int(1, 'start'), args.int(2, 'end')]
  if (start === undefined && end === undefined) return self
  const all = texts.characters(self)
  return typeof all === 'string' ? all.slice(start, end) : all.slice(start, end).join('')
}

function found(at: number): number {
  if (at < 0) throw new TemplateError('the value is not there')
  return at
}

function parted(self: string, separator: string, at: number, last: boolean): Value {
  if (separator === '') throw new TemplateError('empty separator')
  if (at < 0) return tuple((last ? ['', '', self] : [self, '', '']).map(str))
  return tuple([self.slice(0, at), separator, self.slice(at + separator.length)].map(str))
}
