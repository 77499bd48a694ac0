import { QUAD, SCALE_BYTES, STEP_BYTES, STEPS, TILE_ROWS, VECTOR_BYTES } from './layout'
import { scaleBytes } from './planes-sums'
import { halfToFloat } from './simd'

/** One half float. */
@inline
function half(at: usize): f32 {
  return f32x4.extract_lane(halfToFloat(i32x4.splat(<i32>load<u16>(at) << 16)), 0)
}

/**
 * out (cols) f32 <- row `row` of W (rows, cols) in the layout of layout.ts, dequantized. zeroPoint as in layout.ts, 0 where
 * a minimum is stored; stepped: whether steps are.
 */
export function embeddingRow(
  out: usize, w: usize, row: i32, cols: i32, planes: i32, groupSize: i32, zeroPoint: f32, hasMin: bool, stepped: bool,
): void {
  const quads = groupSize / QUAD
  const stride = planes * VECTOR_BYTES
  const blockBytes = quads * stride + scaleBytes(hasMin, stepped)
  const blocksBytes = (cols / groupSize) * blockBytes
  const r = row % TILE_ROWS
  let block = w + (row / TILE_ROWS) * (blocksBytes + (stepped ? TILE_ROWS * SCALE_BYTES : 0))
  const rowScale: f32 = stepped ? half(block + blocksBytes + r * SCALE_BYTES) * (1 / <f32>STEPS) : 0
  // Where this row's nibble of plane p is: pairs of planes hold 16 rows a vector, the last odd plane 32.
  const pairByte = (r >> 4) * VECTOR_BYTES + ((r & 7) << 1)
  const pairShift = (r & 8) >> 1
  const oddByte = ((r & 7) << 1) + ((r >> 3) & 1)
  const oddShift = (r & 16) >> 2
  for (let group = 0; group < cols / groupSize; group++) {
    const scales = block + quads * stride
    const scale = stepped ? rowScale * <f32>load<u8>(scales + r * STEP_BYTES) : half(scales + r * SCALE_BYTES)
    const minimum: f32 = hasMin ? half(scales + (TILE_ROWS + r) * SCALE_BYTES) : 0
    for (let quad = 0; quad < quads; quad++) {
      const vectors = block + quad * stride
      for (let column = 0; column < QUAD; column++) {
        let q = 0
        for (let plane = 0; plane < planes; plane++) {
          const odd = (planes & 1) == 1 && plane == planes - 1
          const byte = vectors + (plane >> 1) * 2 * VECTOR_BYTES + (odd ? oddByte : pairByte + (plane & 1))
          q |= ((<i32>load<u8>(byte) >> ((odd ? oddShift : pairShift) + column)) & 1) << plane
        }
        f32.store(out, hasMin ? scale * <f32>q + minimum : scale * (<f32>q + zeroPoint))
        out += 4
      }
    }
    block += blockBytes
  }
}
