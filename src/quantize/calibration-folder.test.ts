import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { CalibrationFolder } from './calibration-folder.ts'

/** Whether the removal of folders is interrupted before anything is gone. */
let killed = false
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const remove: typeof real.rm = async (path, options) => {
    if (killed && options?.recursive) throw new Error('killed')
    await real.rm(path, options)
  }
  return { ...real, rm: remove }
})

it.each([
  ['at the end', (folder: CalibrationFolder, _: string) => folder.remove()],
  ['for other options', (_: CalibrationFolder, path: string) => CalibrationFolder.open(path, 'other key')],
])('whose removal %s was interrupted is not gone on with, since any of its files may be missing', async (_, remove) => {
  const root = await mkdtemp(join(tmpdir(), 'calibration-folder-'))
  const path = join(root, 'kept')
  const folder = await CalibrationFolder.open(path, 'key')
  await folder.write('head', [new Uint8Array(4)])
  await folder.rounding.write(1, new Float32Array(4))
  expect(await (await CalibrationFolder.open(path, 'key')).has('head')).toBe(true)
  killed = true
  await expect(remove(folder, path)).rejects.toThrow('killed')
  killed = false
  expect(await (await CalibrationFolder.open(path, 'key')).has('head')).toBe(false)
  await rm(root, { recursive: true })
})

it.each(['', '{"done":', '{"done":"2"}'])('what a loss of power has damaged (%j) is made anew', async (damaged) => {
  const root = await mkdtemp(join(tmpdir(), 'calibration-folder-'))
  const folder = await CalibrationFolder.open(root, 'key')
  await folder.writeLosses(new Map([['head', []]]))
  await folder.rounding.write(2, new Float32Array(4).fill(3))
  const hidden = new Float32Array(4)
  expect(await folder.losses()).toEqual(new Map([['head', []]]))
  expect(await folder.rounding.read(hidden)).toEqual({ done: 2, gathered: undefined })
  expect([...hidden]).toEqual([3, 3, 3, 3])
  await writeFile(join(root, 'rounding-2.f32'), damaged)
  expect(await folder.rounding.read(hidden)).toBeUndefined()
  for (const file of ['losses.json', 'rounding.json']) await writeFile(join(root, file), damaged)
  expect(await folder.losses()).toBeUndefined()
  expect(await folder.rounding.read(hidden)).toBeUndefined()
  await rm(root, { recursive: true })
})
