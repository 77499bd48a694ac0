import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'

/** A value of a running template, as @huggingface/jinja holds it. The library has no types of its own for these. */
export interface Value<T = unknown> {
  readonly type: string
  readonly value: T
  /** Whether Python takes it for true. */
  __bool__(): { readonly value: boolean }
}

export type Callable = (args: Value[], scope: Scope) => Value

/** The variables of a block; the library's Environment. */
export interface Scope {
  setVariable(name: string, value: Value): void
  lookupVariable(name: string): Value
}

type Class<T> = new (value?: T) => Value<T>

// The library exports no classes of values, but makes one of whatever it is given.
const scope = new Environment() as unknown as Scope & { set(name: string, value: unknown): Value }
const classOf = <T>(name: string, value: unknown) => scope.set(name, value).constructor as Class<T>
new Interpreter(scope as never).run(parse(tokenize('{% set tuple = (1, 2) %}{% set space = namespace() %}')))

/** A whole number: a bigint where a float64 would not hold it. */
const Int = classOf<number | bigint>('int', 0)
const Float = classOf<number>('float', 0.5)
const Str = classOf<string>('str', '')
const Bool = classOf<boolean>('bool', false)
const List = classOf<Value[]>('list', [])
const Tuple = scope.lookupVariable('tuple').constructor as Class<Value[]>
const Dict = classOf<Map<string, Value>>('dict', {})
const None = classOf<null>('none', null)
const Undefined = classOf<undefined>('undefined', undefined)
const Func = classOf<Callable>('func', () => null)

export const TRUE = new Bool(true)
export const FALSE = new Bool(false)
export const NONE = new None(null)
export const UNDEFINED = new Undefined()

export const bool = (value: boolean) => (value ? TRUE : FALSE)
export const float = (value: number) => new Float(value)
export const str = (value: string) => new Str(value)
export const list = (items: Value[]) => new List(items)
export const tuple = (items: Value[]) => new Tuple(items)
export const dict = (entries: Map<string, Value>) => new Dict(entries)
export const func = (call: Callable) => new Func(call)

export function int(value: number | bigint): Value<number | bigint> {
  if (typeof value === 'number') return new Int(value)
  const small = Number(value)
  return new Int(Number.isSafeInteger(small) ? small : value)
}

export const isInt = (value: Value): value is Value<number | bigint> => value instanceof Int
export const isFloat = (value: Value): value is Value<number> => value instanceof Float
export const isStr = (value: Value): value is Value<string> => value instanceof Str
export const isBool = (value: Value): value is Value<boolean> => value instanceof Bool
/** Lists, and tuples among them. */
export const isList = (value: Value): value is Value<Value[]> => value instanceof List
export const isTuple = (value: Value): value is Value<Value[]> => value instanceof Tuple
export const isDict = (value: Value): value is Value<Map<string, Value>> => value instanceof Dict
export const isNone = (value: Value): value is Value<null> => value instanceof None
export const isUndefined = (value: Value): value is Value<undefined> => value instanceof Undefined
export const isFunc = (value: Value): value is Value<Callable> => value instanceof Func
export const isNamespace = (value: Value): value is Value<Map<string, Value>> => value.type === 'NamespaceValue'
export const isKeywords = (value: Value): value is Value<Map<string, Value>> => value.type === 'KeywordArgumentsValue'
export const isTrue = (value: Value) => value.__bool__().value

export interface Numeric {
  readonly value: number | bigint
  readonly isFloat: boolean
}

/** A number, or a truth value as one. */
export function numeric(value: Value): Numeric | undefined {
  if (isInt(value)) return { value: value.value, isFloat: false }
  if (isFloat(value)) return { value: value.value, isFloat: true }
  return isBool(value) ? { value: Number(value.value), isFloat: false } : undefined
}

/** A number that JSON writes as a float, also where it is whole: 48.0. */
export class JsonFloat {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/** The value that a template gets for one of JavaScript: whole numbers are integers, objects and Maps are dicts. */
export function toValue(input: unknown): Value {
  switch (typeof input) {
    case 'string':
      // A lone surrogate has no UTF-8 form.
      return str(input.toWellFormed())
    case 'boolean':
      return bool(input)
    case 'number':
      return Number.isInteger(input) ? int(input + 0) : float(input)
    case 'bigint':
      return int(input)
    case 'object':
      return fromObject(input)
    default:
      return UNDEFINED
  }
}

function fromObject(input: object | null): Value {
  if (input === null) return NONE
  if (input instanceof JsonFloat) return float(input.value)
  if (Array.isArray(input)) return list(input.map(toValue))
  const entries = input instanceof Map ? [...input] : Object.entries(input)
  return dict(new Map(entries.filter(([, value]) => value !== undefined).map(([key, value]) => [key, toValue(value)])))
}

/** What Python calls the type of a value. */
export function typeName(value: Value): string {
  if (isInt(value)) return 'int'
  if (isFloat(value)) return 'float'
  if (isStr(value)) return 'str'
  if (isBool(value)) return 'bool'
  if (isTuple(value)) return 'tuple'
  if (isList(value)) return 'list'
  if (isDict(value)) return 'dict'
  if (isNone(value)) return 'NoneType'
  if (isUndefined(value)) return 'Undefined'
  return isNamespace(value) ? 'Namespace' : 'function'
}

/** A template did what Python forbids, or more than it may. */
export class TemplateError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TemplateError'
  }
}
