/// <reference lib="esnext.float16" />
const BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, I8: 1 }

/** A tensor of a file of the format in https://huggingface.co/docs/safetensors. */
export interface StoredTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  /** As many bytes as the shape takes. */
  readonly data: Uint8Array
}

type Header = Record<string, { dtype: string; shape: readonly number[]; data_offsets: [number, number] }>

/** A safetensors file, its tensors one after another. `damage` may change the header that tells of them. */
export function safetensorsBytes(
  tensors: Readonly<Record<string, StoredTensor>>,
  damage: (header: Header) => void = () => {},
): Uint8Array {
  const header: Header = {}
  let end = 0
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] }
    end += data.length
  }
  damage(header)
  const json = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...header }))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return new Uint8Array(Buffer.concat([length, json, ...Object.values(tensors).map(({ data }) => data)]))
}

/** A tensor of these weights by their place in it. Throws RangeError where the type cannot hold one exactly. */
export function floatTensor(
  dtype: 'F32' | 'F16' | 'BF16',
  shape: readonly number[],
  weightAt: (i: number) => number,
): StoredTensor {
  const tensor = zeroTensor(dtype, shape)
  const { write, read } = accessors[dtype]
  const view = new DataView(tensor.data.buffer)
  for (let i = 0; i < tensor.data.length / BYTES[dtype]; i++) {
    write(view, i, weightAt(i))
    if (read(view, i) !== weightAt(i)) throw new RangeError(`${weightAt(i)} is not exact in ${dtype}`)
  }
  return tensor
}

/** Weight `i` of a tensor. */
export function weightOf({ dtype, data }: StoredTensor, i: number): number {
  return accessors[dtype].read(new DataView(data.buffer, data.byteOffset), i)
}

const word = new DataView(new ArrayBuffer(4))
const accessors: Readonly<
  Record<string, { read(view: DataView, i: number): number; write(view: DataView, i: number, value: number): void }>
> = {
  F32: {
    read: (view, i) => view.getFloat32(i * 4, true),
    write: (view, i, value) => view.setFloat32(i * 4, value, true),
  },
  F16: {
    read: (view, i) => view.getFloat16(i * 2, true),
    write: (view, i, value) => view.setFloat16(i * 2, value, true),
  },
  BF16: {
    // The upper half of a float32.
    read(view, i) {
      word.setUint32(0, view.getUint16(i * 2, true) << 16)
      return word.getFloat32(0)
    },
    write(view, i, value) {
      word.setFloat32(0, value)
      view.setUint16(i * 2, word.getUint16(0), true)
    },
  },
}

/** A tensor of zeros. */
export function zeroTensor(dtype: string, shape: readonly number[]): StoredTensor {
  const count = shape.reduce((product, dim) => product * dim, 1)
  return { dtype, shape, data: new Uint8Array(count * BYTES[dtype]) }
}
