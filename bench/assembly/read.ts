// The roofline: how fast one thread can read memory at all.

/** Reads `bytes` bytes (a multiple of 128) at `pointer` with v128 loads; the result only keeps the loads alive. */
export function read(pointer: usize, bytes: usize): i32 {
  let a = i64x2.splat(0),
    b = a,
    c = a,
    d = a
  const end = pointer + bytes
  while (pointer < end) {
    a = v128.xor(a, v128.xor(v128.load(pointer), v128.load(pointer, 64)))
    b = v128.xor(b, v128.xor(v128.load(pointer, 16), v128.load(pointer, 80)))
    c = v128.xor(c, v128.xor(v128.load(pointer, 32), v128.load(pointer, 96)))
    d = v128.xor(d, v128.xor(v128.load(pointer, 48), v128.load(pointer, 112)))
    pointer += 128
  }
  return i32x4.extract_lane(v128.xor(v128.xor(a, b), v128.xor(c, d)), 0)
}
