/**
 * Take tokens out of a distribution: logits[i] = -Infinity where bit i is 0.
 * logits (size) f32; bits (size / 32) u32, bit i & 31 of word i >> 5; size a multiple of 32.
 */
export function maskLogits(logits: usize, bits: usize, size: i32): void {
  const lanes = i32x4(1, 2, 4, 8), none = i32x4.splat(0), banned = f32x4.splat(-Infinity)
  for (let i = 0; i < size; i += 32) {
    const word = i32.load(bits + (i >> 3))
    if (word == -1) continue
    for (let j = 0; j < 32; j += 4) {
      const allowed = i32x4.ne(v128.and(i32x4.splat(word >> j), lanes), none)
      const at = logits + ((i + j) << 2)
      v128.store(at, v128.bitselect(v128.load(at), banned, allowed))
    }
  }
}
