import { Arguments } from './arguments.ts'
import { method } from './methods.ts'
import { compare, contains, equal, operate } from './operators.ts'
import {
  type Callable,
  int,
  isBool,
  isDict,
  isFloat,
  isFunc,
  isInt,
  isList,
  isNone,
  isStr,
  isTrue,
  isUndefined,
  numeric,
  TemplateError,
  type Value,
} from './values.ts'

type Test = (value: Value, other: () => Value) => boolean

const isIterable = (value: Value) => isStr(value) || isList(value) || isDict(value) || isUndefined(value)
const remainder = (value: Value, by: Value) => Number(operate('%', value, by).value)
const says = (value: Value, name: string) =>
  isStr(value) && isTrue((method(value, name)!.value as Callable)([], undefined as never))

const TESTS: Record<string, Test> = {
  defined: (value) => !isUndefined(value),
  undefined: isUndefined,
  none: isNone,
  boolean: isBool,
  true: (value) => isBool(value) && value.value,
  false: (value) => isBool(value) && !value.value,
  string: isStr,
  number: (value) => numeric(value) !== undefined,
  integer: isInt,
  float: isFloat,
  mapping: isDict,
  sequence: isIterable,
  iterable: isIterable,
  callable: isFunc,
  odd: (value) => remainder(value, int(2)) === 1,
  even: (value) => remainder(value, int(2)) === 0,
  divisibleby: (value, other) => remainder(value, other()) === 0,
  lower: (value) => says(value, 'islower'),
  upper: (value) => says(value, 'isupper'),
  in: (value, other) => contains(other(), value),
  sameas: (value, other) => value === other() || (value.type === other().type && equal(value, other())),
  eq: (value, other) => equal(value, other()),
  ne: (value, other) => !equal(value, other()),
  lt: (value, other) => compare(value, other()) < 0,
  le: (value, other) => compare(value, other()) <= 0,
  gt: (value, other) => compare(value, other()) > 0,
  ge: (value, other) => compare(value, other()) >= 0,
}

const ALIASES: Record<string, string> = {
  equalto: 'eq',
  '==': 'eq',
  '!=': 'ne',
  lessthan: 'lt',
  '<': 'lt',
  '<=': 'le',
  greaterthan: 'gt',
  '>': 'gt',
  '>=': 'ge',
}

export function passes(name: string, value: Value, args: readonly Value[]): boolean {
  const found = ALIASES[name] ?? name
  if (!Object.hasOwn(TESTS, found)) throw new TemplateError(`there is no test '${name}'`)
  return TESTS[found](value, () => new Arguments(args).needed(0, 'other'))
}
