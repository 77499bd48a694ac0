import { checkPack } from '../pack/check-pack.ts'
import { openPack } from '../pack/open-pack.ts'
import { turnEnds } from '../pack/pack-chat.ts'
import { describeTables } from '../pack/tokenizer/describe-tables.ts'
import type { AddedToken } from '../pack/tokenizer/spec.ts'
import { readSpan } from '../weights/load-tensors.ts'
import type { Manifest, Tensor } from '../weights/manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import { textTable } from './text-table.ts'

const COLUMNS = ['tensor', 'shape', 'planes', 'group', 'bytes', 'bits/weight'] as const
const TEXT_COLUMNS = 2

const weightsOf = ({ shape }: Tensor) => shape.reduce((product: number, dim) => product * dim, 1)
const bitsPerWeight = (bytes: number, weights: number) => ((bytes * 8) / weights).toFixed(2)

function tensorRow(tensor: Tensor): string[] {
  const bytes = tensorBytes(tensor)
  const [planes, group] =
    tensor.kind === 'planes'
      ? [
          `${tensor.planes}${tensor.zeroPoint === null ? ' + min' : ''}`,
          `${tensor.groupSize}${tensor.scales === 'steps' ? ' in steps' : ''}`,
        ]
      : ['f32', '']
  return [tensor.name, tensor.shape.join(' x '), planes, group, String(bytes), bitsPerWeight(bytes, weightsOf(tensor))]
}

/** Print what a pack in a folder holds. Throws PackError, WeightsError, TokenizerTablesError. */
export async function inspect(folder: string, { check }: { check?: boolean }): Promise<void> {
  const { store, manifest } = await openPack(folder)
  process.stdout.write(`${await inspectPack(store, manifest)}\n`)
  if (check) {
    await checkPack(store, manifest)
    process.stdout.write('manifest and tensors are as they were packed: each has the sha256 that is stated\n')
  }
}

/** What a pack holds, as text: its configuration and a table of its tensors. Throws WeightsError, TokenizerTablesError. */
export async function inspectPack(store: WeightStore, manifest: Manifest): Promise<string> {
  const { added } = describeTables(await readSpan(store, manifest.tokenizer))
  return describePack(manifest, added)
}

/** The same, of a pack whose added tokens are known. */
export function describePack(manifest: Manifest, added: readonly AddedToken[]): string {
  const token = (id: number) => [id, added.find((candidate) => candidate.id === id)?.text].join(' ').trim()
  const { eos } = manifest.tokens
  const ends = turnEnds(manifest, added).map(
    ({ id }) => `${token(id)}${eos.includes(id) ? '' : ' (not in eos: answers go on)'}`,
  )
  const { tensors, shards } = manifest
  const bytes = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
  const weights = tensors.reduce((sum, tensor) => sum + weightsOf(tensor), 0)
  const shardBytes = shards.reduce((sum, shard) => sum + shard.bytes, 0)
  const total = ['total', `${tensors.length} tensors`, '', '', String(bytes), bitsPerWeight(bytes, weights)]
  const facts = {
    name: manifest.name,
    source: manifest.source.name,
    'source sha256': manifest.source.sha256 ?? 'of many files',
    license: manifest.license ?? 'not stated',
    ...manifest.config,
    bos: manifest.tokens.bos === null ? 'none' : token(manifest.tokens.bos),
    eos: eos.map(token).join(', '),
    'template ends turns with': ends.join(', ') || 'no token that is known',
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
