import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StoredTensor, safetensorsBytes, weightOf, zeroTensor } from '../../../test/support/safetensors.ts'
import { TensorReader } from '../tensor-reader.ts'
import { readSafetensors } from './safetensors-file.ts'

let path: string
beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'safetensors-')), 'model.safetensors')
})
afterAll(() => rm(join(path, '..'), { recursive: true }))

describe('readSafetensors', () => {
  it.each(['F32', 'F16', 'BF16'])('reads any run of %s weights', async (dtype) => {
    const { length } = zeroTensor(dtype, [2, 4]).data
    const run = fc.tuple(fc.nat(7), fc.nat(7)).map(([a, b]) => [Math.min(a, b), Math.abs(a - b) + 1])
    const bytes = fc.uint8Array({ minLength: length, maxLength: length })
    await fc.assert(
      fc.asyncProperty(bytes, run, async (data, [first, count]) => {
        const tensor: StoredTensor = { dtype, shape: [2, 4], data }
        await writeFile(path, safetensorsBytes({ before: zeroTensor('F16', [3]), tensor }))
        const reader = new TensorReader()
        const weights = await reader.readWeights((await readSafetensors(path)).get('tensor')!, first, count)
        await reader.close()
        // toEqual takes any two NaNs as equal, and 0 and -0 as different.
        expect([...weights]).toEqual(Array.from({ length: count }, (_, i) => weightOf(tensor, first + i)))
      }),
      { seed: 3, numRuns: 40 },
    )
  })

  const two = { a: zeroTensor('BF16', [2, 4]), b: zeroTensor('BF16', [4]) }
  const whole = safetensorsBytes(two)
  const headerLength = (length: bigint) => {
    const bytes = whole.slice()
    new DataView(bytes.buffer).setBigUint64(0, length, true)
    return bytes
  }

  it.each<[string, string, RegExp, Uint8Array]>([
    ['an empty file', 'checkpoint_damaged', /no safetensors header/, new Uint8Array()],
    [
      'a length of the header beyond all bounds',
      'checkpoint_damaged',
      /no safetensors header/,
      headerLength(1n << 63n),
    ],
    ['a header longer than the file', 'file_truncated', /ends before its header/, headerLength(5000n)],
    ['a header that is no JSON', 'checkpoint_damaged', /does not list tensors/, headerLength(20n)],
    [
      'an offset that is no number',
      'checkpoint_damaged',
      /does not list tensors/,
      safetensorsBytes(two, (header) => header.a.data_offsets.fill(-1)),
    ],
    [
      'an unknown type',
      'tensor_type_unsupported',
      /tensor b is I8.*not quantized/,
      safetensorsBytes({ ...two, b: zeroTensor('I8', [4]) }),
    ],
    [
      'fewer bytes than the shape takes',
      'checkpoint_damaged',
      /tensor b has 8 bytes where its shape takes 10/,
      safetensorsBytes(two, (header) => {
        header.b.shape = [5]
      }),
    ],
    [
      'tensors that overlap',
      'checkpoint_damaged',
      /tensor b overlaps/,
      safetensorsBytes(two, (header) => {
        header.b.data_offsets = [14, 22]
      }),
    ],
    [
      'a tensor past the end',
      'file_truncated',
      /ends before tensor b does/,
      safetensorsBytes(two, (header) => {
        header.b.data_offsets = [18, 26]
      }),
    ],
    [
      'a gap between tensors',
      'checkpoint_damaged',
      /tensor b starts 2 bytes after another ends/,
      safetensorsBytes({ ...two, z: zeroTensor('F16', [1]) }, (header) => {
        header.b.data_offsets = [18, 26]
        delete header.z
      }),
    ],
    [
      'bytes behind its tensors',
      'checkpoint_damaged',
      /1 bytes behind its tensors are of none/,
      Buffer.concat([whole, Buffer.alloc(1)]),
    ],
    [
      'metadata that is none',
      'checkpoint_damaged',
      /does not list tensors/,
      safetensorsBytes(two, (header) => Object.assign(header, { __metadata__: { format: 1 } })),
    ],
    ['a file cut short', 'file_truncated', /ends before tensor b does/, whole.subarray(0, whole.length - 1)],
  ])('refuses %s', async (_, code, message, bytes) => {
    await writeFile(path, bytes)
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(new RegExp(`model\\.safetensors: .*${message.source}`)),
    })
  })

  it('names a file that is not there', async () => {
    await expect(readSafetensors(`${path}.none`)).rejects.toMatchObject({ code: 'file_missing' })
  })
})
