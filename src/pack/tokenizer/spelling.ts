// How vocabulary files spell pieces.

/** SentencePiece's sign for a space. */
export const WRITTEN_SPACE = '\u2581'

// GPT-2's alphabet (openai/gpt-2, src/encoder.py, bytes_to_unicode): the printable bytes of Latin-1 stand for
// themselves, the others, in order, for the code points from U+0100.
const BYTE_TO_CHARACTER: readonly string[] = (() => {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    return String.fromCharCode(printable ? byte : next++)
  })
})()
const CHARACTER_TO_BYTE: ReadonlyMap<string, number> = new Map(BYTE_TO_CHARACTER.map((c, byte) => [c, byte]))

/** Bytes of a piece spelled in GPT-2's alphabet, or undefined if it is not. */
export function bytesOfByteLevel(piece: string): Uint8Array | undefined {
  const bytes = new Uint8Array(piece.length)
  for (let i = 0; i < piece.length; i++) {
    const byte = CHARACTER_TO_BYTE.get(piece[i])
    if (byte === undefined) return undefined
    bytes[i] = byte
  }
  return bytes
}

/** The spelling of bytes in GPT-2's alphabet. */
export function byteLevelOfBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => BYTE_TO_CHARACTER[byte]).join('')
}

/** The byte that a SentencePiece byte piece (<0x0A>) stands for, or undefined for another piece. */
export function byteOfPiece(piece: string): number | undefined {
  return /^<0x[0-9A-F]{2}>$/.test(piece) ? Number.parseInt(piece.slice(3, 5), 16) : undefined
}

/** The SentencePiece spelling of a byte. */
export function pieceOfByte(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}
