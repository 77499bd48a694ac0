import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'
import { folderStore } from './folder-store.ts'
import { manifestDigest, withDigest } from './manifest-digest.ts'
import { parseManifest } from './parse-manifest.ts'

/** Every part can be written to. */
// biome-ignore lint/suspicious/noExplicitAny: changed manifests have no type
type Loose = any

let pack: TinyPack
beforeEach(async () => {
  pack = await tinyPack()
})
afterEach(() => pack.remove())

const path = () => join(pack.folder, 'manifest.json')
const stored = async () => JSON.parse(await readFile(path(), 'utf8'))
const load = async () => parseManifest(await folderStore(pack.folder).manifest(), 'here')

it('is the sha256 of the manifest without it, keys sorted', async () => {
  const text = '{"a":[{"b":1e-7,"é":"\\n"},null],"z":true}'
  const digest = createHash('sha256').update(text).digest('hex')
  expect(await manifestDigest({ z: true, digest: 'old', a: [{ é: '\n', b: 1e-7 }, null] })).toBe(digest)
})

describe('a stored manifest', () => {
  it('carries its digest, which neither order nor layout changes', async () => {
    const { digest, ...rest } = await stored()
    expect(digest).toBe(await manifestDigest(rest))
    const reversed = Object.fromEntries(Object.entries(rest).reverse())
    await writeFile(path(), JSON.stringify({ digest, ...reversed }))
    expect(await load()).toEqual(pack.manifest)
  })

  it.each<[string, (manifest: Loose) => void]>([
    [
      'the base of the rotation',
      (m) => {
        m.config.ropeTheta *= 10
      },
    ],
    [
      'an end token',
      (m) => {
        m.tokens.eos = [0]
      },
    ],
    [
      'the template',
      (m) => {
        m.chatTemplate += ' '
      },
    ],
    [
      'two tensors of one shape',
      (m) => {
        const [gate, up] = ['gate', 'up'].map((part) =>
          m.tensors.find(({ name }: { name: string }) => name === `layers.0.${part}`),
        )
        ;[gate.spans, up.spans] = [up.spans, gate.spans]
      },
    ],
    [
      'the digest',
      (m) => {
        m.digest = '0'.repeat(64)
      },
    ],
  ])('is refused when somebody changed %s', async (_, change) => {
    const manifest = await stored()
    change(manifest)
    await writeFile(path(), JSON.stringify(manifest))
    await expect(load()).rejects.toMatchObject({
      code: 'manifest_changed',
      message: expect.stringMatching(/manifest\.json: the manifest differs from the digest.*pack` again$/),
    })
    await writeFile(path(), JSON.stringify(await withDigest(manifest)))
    await load()
  })

  it('without a digest is loaded with a warning', async () => {
    const { digest: _, ...old } = await stored()
    await writeFile(path(), JSON.stringify(old))
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    expect(await load()).toEqual(old)
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/manifest\.json: the manifest has no digest/)]])
    warn.mockRestore()
  })

  it('of another version is refused for that', async () => {
    await writeFile(path(), JSON.stringify({ ...(await stored()), version: 2 }))
    await expect(load()).rejects.toMatchObject({ code: 'version_unsupported' })
  })
})

it('the embedded pack carries its digest', async () => {
  const embedded = JSON.parse(await readFile('weights/smollm2-135m-instruct/manifest.json', 'utf8'))
  expect(embedded.digest).toBe(await manifestDigest(embedded))
})
