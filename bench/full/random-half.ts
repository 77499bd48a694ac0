/// <reference lib="esnext.float16" />

/**
 * The high byte (sign, exponent, two bits of fraction) of half floats near `value`: with random low bytes they are spread
 * over a quarter of a binade.
 */
export function halfHighByte(value: number): number {
  return new Uint8Array(new Float16Array([value]).buffer)[1]
}
