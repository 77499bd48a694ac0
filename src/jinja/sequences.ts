import { characters } from './texts.ts'
import {
  int,
  isDict,
  isInt,
  isList,
  isNone,
  isStr,
  isTuple,
  isUndefined,
  list,
  str,
  TemplateError,
  tuple,
  typeName,
  type Value,
} from './values.ts'

/** What a loop over the value goes through. */
export function iterate(value: Value): readonly Value[] {
  if (isList(value)) return value.value
  if (isStr(value)) return Array.from(value.value, str)
  if (isDict(value)) return [...value.value.keys()].map(str)
  if (isUndefined(value)) return []
  throw new TemplateError(`'${typeName(value)}' object is not iterable`)
}

/** Python's len(). */
export function lengthOf(value: Value): Value {
  if (isStr(value)) return int(characters(value.value).length)
  if (isList(value)) return int(value.value.length)
  if (isDict(value)) return int(value.value.size)
  if (isUndefined(value)) return int(0)
  throw new TemplateError(`object of type '${typeName(value)}' has no len()`)
}

/** `value[index]`, from the end where it is negative; undefined where there is none. */
export function itemAt(value: Value<string> | Value<Value[]>, index: number): Value | undefined {
  if (isList(value)) return value.value.at(index)
  const character = characters((value as Value<string>).value).at(index)
  return character === undefined ? undefined : str(character)
}

/** `value[start:stop:step]`, each undefined where it is left out. */
export function slice(value: Value, bounds: readonly Value[]): Value {
  const [start, stop, step = 1] = bounds.map(bound)
  if (step === 0) throw new TemplateError('slice step cannot be zero')
  const sliced = <T>(items: ArrayLike<T>) =>
    Array.from(indices(items.length, start, stop, step), (index) => items[index])
  if (isStr(value)) {
    const all = characters(value.value)
    if (step === 1 && typeof all === 'string') return str(all.slice(start, stop))
    return str(sliced(all).join(''))
  }
  if (isTuple(value)) return tuple(sliced(value.value))
  if (isList(value)) return list(sliced(value.value))
  throw new TemplateError(`'${typeName(value)}' object cannot be sliced`)
}

function bound(value: Value): number | undefined {
  if (isUndefined(value) || isNone(value)) return undefined
  if (!isInt(value)) throw new TemplateError('slice indices must be integers or None')
  return Number(value.value)
}

function* indices(length: number, start: number | undefined, stop: number | undefined, step: number) {
  const from = (index: number) => (index < 0 ? index + length : index)
  if (step > 0) {
    const end = Math.min(from(stop ?? length), length)
    for (let at = Math.max(from(start ?? 0), 0); at < end; at += step) yield at
  } else {
    const end = stop === undefined ? -1 : Math.max(from(stop), -1)
    for (let at = Math.min(from(start ?? length - 1), length - 1); at > end; at += step) yield at
  }
}
