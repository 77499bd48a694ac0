import { type GgufBlockType, viewOf } from './block-type.ts'

function floatType(name: string, blockBytes: number, read: (view: DataView, at: number) => number): GgufBlockType {
  return {
    name,
    blockSize: 1,
    blockBytes,
    dequantize(raw, weights) {
      const view = viewOf(raw)
      for (let i = 0; i < weights.length; i++) weights[i] = read(view, i * blockBytes)
    },
    planes: null,
  }
}

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)

export const f32 = floatType('F32', 4, (view, at) => view.getFloat32(at, true))
export const f16 = floatType('F16', 2, (view, at) => view.getFloat16(at, true))
/** The upper half of a float32. */
export const bf16 = floatType('BF16', 2, (view, at) => {
  bits[0] = view.getUint16(at, true) << 16
  return float[0]
})
