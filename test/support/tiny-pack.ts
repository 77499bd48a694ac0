import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packModel } from '../../src/pack/pack-model.ts'
import type { Manifest } from '../../src/weights/manifest.ts'
import { ggufBytes, tinyMetadata, tinyTensors } from './tiny-gguf.ts'

export interface TinyPack {
  /** Holds the pack's folder, `tiny`, and nothing else. */
  readonly root: string
  readonly folder: string
  readonly manifest: Manifest
  remove(): Promise<void>
}

/** A pack with a Q4_1 embedding and head, in a folder of its own; tied: whose head is its embedding; rotated: that, rotated. */
export async function tinyPack(
  layers = 1,
  { rotated = false, tied = rotated }: { rotated?: boolean; tied?: boolean } = {},
): Promise<TinyPack> {
  const root = await mkdtemp(join(tmpdir(), 'tiny-pack-'))
  const folder = join(root, 'tiny')
  const path = join(root, 'tiny.gguf')
  await writeFile(
    path,
    ggufBytes(
      { ...tinyMetadata, 'llama.block_count': layers },
      tinyTensors('Q4_1', layers).filter(({ name }) => !tied || name !== 'output.weight'),
    ),
  )
  const manifest = await packModel(path, folder, { name: 'tiny', planes: {}, groupSize: 32, rotate: rotated })
  await rm(path)
  return { root, folder, manifest, remove: () => rm(root, { recursive: true }) }
}
