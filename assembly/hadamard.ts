// x <- H x for blocks of x, with H = [[1, 1], [1, -1]] (x) H of half the size, over sqrt(block): orthogonal and its own inverse.
// Butterflies as in the fast Fourier transform (Fino and Algazi 1976): of neighbours and of pairs within a vector of four, then of vectors.

const signs = memory.data<u32>([0, 0x80000000, 0, 0x80000000, 0, 0, 0x80000000, 0x80000000], 16)

/** x (size) f32, in place; size whole blocks, block a power of two from 4 on. */
export function hadamard(x: usize, size: i32, block: i32): void {
  const bytes = block << 2
  const factor = f32x4.splat(1 / sqrt<f32>(<f32>block))
  const second = v128.load(signs), upper = v128.load(signs, 16)
  for (const end = x + (size << 2); x < end; x += bytes) {
    for (let p = x; p < x + bytes; p += 16) {
      const v = f32x4.mul(v128.load(p), factor)
      const pairs = f32x4.add(v128.shuffle<f32>(v, v, 0, 0, 2, 2), v128.xor(v128.shuffle<f32>(v, v, 1, 1, 3, 3), second))
      v128.store(p, f32x4.add(v128.shuffle<f32>(pairs, pairs, 0, 1, 0, 1), v128.xor(v128.shuffle<f32>(pairs, pairs, 2, 3, 2, 3), upper)))
    }
    for (let half = 16; half < bytes; half <<= 1) {
      for (let first = x; first < x + bytes; first += half << 1) {
        for (let p = first; p < first + half; p += 16) {
          const a = v128.load(p), b = v128.load(p + half)
          v128.store(p, f32x4.add(a, b))
          v128.store(p + half, f32x4.sub(a, b))
        }
      }
    }
  }
}
