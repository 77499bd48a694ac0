import { isInt, isKeywords, isNone, isStr, isTrue, TemplateError, typeName, type Value } from './values.ts'

/** The arguments of a call, by position and by name. */
export class Arguments {
  readonly positional: readonly Value[]
  readonly keywords: ReadonlyMap<string, Value>

  /** @param args the last of which may hold the keywords, as calls of the library have them. */
  constructor(args: readonly Value[], keywords?: ReadonlyMap<string, Value>) {
    const last = args.at(-1)
    const held = last && isKeywords(last) ? last.value : undefined
    this.positional = held ? args.slice(0, -1) : args
    this.keywords = keywords ?? held ?? new Map()
  }

  /** The argument at this place, or of this name; undefined where it is left out. */
  get(position: number, name: string): Value | undefined {
    return this.positional[position] ?? this.keywords.get(name)
  }

  /** undefined where it is left out, or None. */
  str(position: number, name: string): string | undefined {
    const value = this.get(position, name)
    if (value === undefined || isNone(value)) return undefined
    if (!isStr(value)) throw new TemplateError(`the argument ${name} must be str, not ${typeName(value)}`)
    return value.value
  }

  /** undefined where it is left out, or None. */
  int(position: number, name: string): number | undefined {
    const value = this.get(position, name)
    if (value === undefined || isNone(value)) return undefined
    if (!isInt(value)) throw new TemplateError(`the argument ${name} must be int, not ${typeName(value)}`)
    return Number(value.value)
  }

  flag(position: number, name: string): boolean {
    const value = this.get(position, name)
    return value !== undefined && isTrue(value)
  }

  needed(position: number, name: string): Value {
    const value = this.get(position, name)
    if (value === undefined) throw new TemplateError(`the argument ${name} is missing`)
    return value
  }

  neededStr(position: number, name: string): string {
    const value = this.needed(position, name)
    if (!isStr(value)) throw new TemplateError(`the argument ${name} must be str, not ${typeName(value)}`)
    return value.value
  }
}
