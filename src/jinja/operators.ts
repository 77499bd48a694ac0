import { formatted } from './format.ts'
import { spelled } from './spelling.ts'
import {
  bool,
  float,
  int,
  isDict,
  isInt,
  isList,
  isNone,
  isStr,
  isTuple,
  isUndefined,
  list,
  type Numeric,
  numeric,
  str,
  TemplateError,
  tuple,
  typeName,
  type Value,
} from './values.ts'

/** Python's binary operators but for `and` and `or`, which look at their right side only when they have to. */
export function operate(operator: string, left: Value, right: Value): Value {
  switch (operator) {
    case '==':
      return bool(equal(left, right))
    case '!=':
      return bool(!equal(left, right))
    case 'in':
      return bool(contains(right, left))
    case 'not in':
      return bool(!contains(right, left))
    case '~':
      return str(spelled(left) + spelled(right))
    case '<':
      return bool(compare(left, right) < 0)
    case '>':
      return bool(compare(left, right) > 0)
    case '<=':
      return bool(compare(left, right) <= 0)
    case '>=':
      return bool(compare(left, right) >= 0)
  }
  const [a, b] = [numeric(left), numeric(right)]
  if (a && b) return arithmetic(operator, a, b)
  if (operator === '%' && isStr(left)) return str(formatted(left.value, isTuple(right) ? right.value : [right]))
  if (operator === '+') {
    if (isStr(left) && isStr(right)) return str(left.value + right.value)
    if (isTuple(left) && isTuple(right)) return tuple([...left.value, ...right.value])
    if (isList(left) && isList(right) && isTuple(left) === isTuple(right)) return list([...left.value, ...right.value])
  }
  if (operator === '*') {
    if (isInt(right)) return repeated(left, Number(right.value))
    if (isInt(left)) return repeated(right, Number(left.value))
  }
  throw unsupported(operator, left, right)
}

function unsupported(operator: string, left: Value, right: Value): TemplateError {
  return new TemplateError(`'${operator}' does not work with ${typeName(left)} and ${typeName(right)}`)
}

const MAX_REPEATED = 1 << 24
const MAX_BITS = 1 << 16

function repeated(value: Value, times: number): Value {
  const count = Math.max(0, times)
  if (!isStr(value) && !isList(value)) throw unsupported('*', value, int(times))
  if (value.value.length * count > MAX_REPEATED) throw new TemplateError('a value is repeated too often')
  if (isStr(value)) return str(value.value.repeat(count))
  const items = Array.from({ length: count }, () => value.value).flat()
  return isTuple(value) ? tuple(items) : list(items)
}

function arithmetic(operator: string, a: Numeric, b: Numeric): Value {
  if (a.isFloat || b.isFloat || operator === '/') return ofFloats(operator, Number(a.value), Number(b.value))
  if (operator === '**' && b.value < 0) return ofFloats(operator, Number(a.value), Number(b.value))
  return int(ofIntegers(operator, BigInt(a.value), BigInt(b.value)))
}

function ofFloats(operator: string, a: number, b: number): Value {
  if (b === 0 && ['/', '//', '%'].includes(operator)) throw new TemplateError('division by zero')
  switch (operator) {
    case '+':
      return float(a + b)
    case '-':
      return float(a - b)
    case '*':
      return float(a * b)
    case '/':
      return float(a / b)
    case '//':
      return float(Math.floor(a / b))
    case '%': {
      // The sign is that of the divisor.
      const rest = a % b
      return float(rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest)
    }
    case '**':
      return float(a ** b)
  }
  throw new TemplateError(`there is no operator '${operator}'`)
}

function ofIntegers(operator: string, a: bigint, b: bigint): bigint {
  if (b === 0n && ['//', '%'].includes(operator)) throw new TemplateError('division by zero')
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return checkedSize(a.toString(16).length + b.toString(16).length, () => a * b)
    case '//': {
      const rest = a % b
      return (a - rest) / b - (rest !== 0n && rest < 0n !== b < 0n ? 1n : 0n)
    }
    case '%': {
      const rest = a % b
      return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest
    }
    case '**':
      return checkedSize(a.toString(16).length * Number(b), () => a ** b)
  }
  throw new TemplateError(`there is no operator '${operator}'`)
}

function checkedSize(hexDigits: number, compute: () => bigint): bigint {
  if (hexDigits * 4 > MAX_BITS) throw new TemplateError('a number grows too large')
  return compute()
}

/** Python's ==. */
export function equal(left: Value, right: Value): boolean {
  const [a, b] = [numeric(left), numeric(right)]
  // == of JavaScript compares a bigint and a number by their mathematical values, as Python does.
  // biome-ignore lint/suspicious/noDoubleEquals: see above
  if (a && b) return a.value == b.value
  if (isStr(left)) return isStr(right) && left.value === right.value
  if (isNone(left)) return isNone(right)
  if (isUndefined(left)) return isUndefined(right)
  if (isList(left)) {
    return (
      isList(right) &&
      isTuple(left) === isTuple(right) &&
      left.value.length === right.value.length &&
      left.value.every((item, index) => equal(item, right.value[index]))
    )
  }
  if (isDict(left)) {
    if (!isDict(right) || left.value.size !== right.value.size) return false
    return [...left.value].every(([key, item]) => right.value.has(key) && equal(item, right.value.get(key)!))
  }
  return left === right
}

/** Negative, zero or positive, as Python orders two values. Throws TemplateError where it does not. */
export function compare(left: Value, right: Value): number {
  const [a, b] = [numeric(left), numeric(right)]
  if (a && b) return a.value < b.value ? -1 : a.value > b.value ? 1 : 0
  if (isStr(left) && isStr(right)) return compareTexts(left.value, right.value)
  if (isList(left) && isList(right)) {
    for (const [index, item] of left.value.entries()) {
      if (index >= right.value.length) return 1
      if (!equal(item, right.value[index])) return compare(item, right.value[index])
    }
    return left.value.length - right.value.length
  }
  throw new TemplateError(`${typeName(left)} and ${typeName(right)} have no order`)
}

/** By code points, not by UTF-16 units. */
function compareTexts(a: string, b: string): number {
  const end = Math.min(a.length, b.length)
  let at = 0
  while (at < end && a[at] === b[at]) at++
  if (at === end) return a.length - b.length
  const low = (text: string) => /[\udc00-\udfff]/.test(text[at]) && at > 0
  if (low(a) || low(b)) at--
  return a.codePointAt(at)! - b.codePointAt(at)!
}

/** Python's `item in container`. */
export function contains(container: Value, item: Value): boolean {
  if (isStr(container) && isStr(item)) return container.value.includes(item.value)
  if (isList(container)) return container.value.some((other) => equal(other, item))
  if (isDict(container)) return isStr(item) && container.value.has(item.value)
  if (isUndefined(container)) return false
  throw unsupported('in', item, container)
}
