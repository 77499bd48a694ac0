import { InvalidArgumentError } from 'commander'

/** The value of an option that counts something. Throws InvalidArgumentError, of which commander makes a line. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value > 0 && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('It is not a whole number above 0.')
}
