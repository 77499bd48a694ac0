import { InvalidArgumentError } from 'commander'

/** Parses a list of some of these. */
export function oneOf<T extends string | number>(known: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((name) => {
      const found = known.find((value) => String(value) === name)
      if (found === undefined) throw new InvalidArgumentError(`${name} is none of ${known.join(', ')}.`)
      return found
    })
}
