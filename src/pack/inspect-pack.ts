import type { Manifest, Tensor } from '../weights/manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import { textTable } from './text-table.ts'

const COLUMNS = ['tensor', 'shape', 'planes', 'group', 'bytes', 'bits/weight'] as const
const TEXT_COLUMNS = 2

const weightsOf = ({ shape }: Tensor) => shape.reduce((product: number, dim) => product * dim, 1)
const bitsPerWeight = (bytes: number, weights: number) => ((bytes * 8) / weights).toFixed(2)

function tensorRow(tensor: Tensor): string[] {
  const bytes = tensorBytes(tensor)
  const [planes, group] =
    tensor.kind === 'planes'
      ? [`${tensor.planes}${tensor.zeroPoint === null ? ' + min' : ''}`, `${tensor.groupSize}`]
      : ['f32', '']
  return [tensor.name, tensor.shape.join(' x '), planes, group, String(bytes), bitsPerWeight(bytes, weightsOf(tensor))]
}

/** What a pack holds, as text: its configuration and a table of its tensors. */
export function describePack(manifest: Manifest): string {
  const { tensors, shards } = manifest
  const bytes = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
  const weights = tensors.reduce((sum, tensor) => sum + weightsOf(tensor), 0)
  const shardBytes = shards.reduce((sum, shard) => sum + shard.bytes, 0)
  const total = ['total', `${tensors.length} tensors`, '', '', String(bytes), bitsPerWeight(bytes, weights)]
  const facts = {
    name: manifest.name,
    source: manifest.source.name,
    license: manifest.license ?? 'not stated',
    ...manifest.config,
    bos: manifest.tokens.bos ?? 'none',
    eos: manifest.tokens.eos.join(', '),
    weights,
    shards: `${shards.length} files, ${shardBytes} bytes`,
  }
  const width = Math.max(...Object.keys(facts).map((key) => key.length))
  return [
    ...Object.entries(facts).map(([key, value]) => `${key.padEnd(width)}  ${value}`),
    '',
    ...textTable([COLUMNS, ...tensors.map(tensorRow), total], TEXT_COLUMNS),
  ].join('\n')
}
