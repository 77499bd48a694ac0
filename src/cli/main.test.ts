import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HubServer } from '../../test/support/hub-server.ts'
import { ggufBytes, tinyMetadata, tinyTensors } from '../../test/support/tiny-gguf.ts'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'

const run = promisify(execFile)
const CLI = new URL('main.ts', import.meta.url).pathname
const cli = (...args: string[]) =>
  run(process.execPath, [CLI, ...args]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )

let pack: TinyPack
beforeAll(async () => {
  pack = await tinyPack()
})
afterAll(() => pack.remove())

describe('nanbeige-edge', () => {
  it('packs a model, quietly where nobody watches, and shows and checks the pack', async () => {
    const model = join(pack.root, 'model.gguf')
    const out = join(pack.root, 'small-model')
    await writeFile(model, ggufBytes(tinyMetadata, tinyTensors('F16')))
    expect(await cli('pack', model, '--out', out, '--planes', 'ffn=3')).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^.*small-model: \d+ bytes, shards: 1\n$/),
      stderr: '',
    })
    expect(await readdir(out)).toContain('manifest.json')
    const { stdout } = await cli('inspect', out, '--check')
    expect(stdout).toMatch(/^name +small-model$/m)
    expect(stdout).toMatch(/^layers\.0\.gate +512 x 256 +3 \+ min +32 +\d+ +4\.00$/m)
    expect(stdout).toMatch(/^manifest and tensors are as they were packed/m)
  })

  it('takes a chat template and ends, and says where answers end', async () => {
    const [model, template, out] = ['no-template.gguf', 'chat.jinja', 'chat-model'].map((name) => join(pack.root, name))
    await writeFile(model, ggufBytes({ ...tinyMetadata, 'tokenizer.chat_template': undefined }, tinyTensors('Q4_1')))
    expect(await cli('pack', model, '--out', out)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^nanbeige-edge: no-template\.gguf: no chat template; give one with --chat-template.*\n$/,
      ),
    })
    await writeFile(template, '{% for m in messages %}{{ m.content }}<|im_start|>\n{% endfor %}')
    await cli('pack', model, '--out', out, '--chat-template', template)
    const { stdout } = await cli('inspect', out, '--check')
    expect(stdout).toMatch(/^bos +256 <\|im_start\|>$/m)
    expect(stdout).toMatch(/^eos +257 <\|im_end\|>, 256 <\|im_start\|>$/m)
    expect(stdout).toMatch(/^template ends turns with +256 <\|im_start\|>$/m)
    await cli('pack', model, '--out', out, '--chat-template', template, '--eos', '<|im_end|>, 5')
    const { stdout: chosen } = await cli('inspect', out)
    expect(chosen).toMatch(/^eos +257 <\|im_end\|>, 5$/m)
    expect(chosen).toMatch(/^template ends turns with +256 <\|im_start\|> \(not in eos: answers go on\)$/m)
  })

  it('refuses to call a pack whole that was changed, or that nothing tells of', async () => {
    const path = join(pack.folder, 'manifest.json')
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('"ropeTheta": 10000', '"ropeTheta": 10001'))
    expect(await cli('inspect', pack.folder)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nanbeige-edge: .*the manifest differs from the digest that it carries.*\n$/),
    })
    const { digest: _, ...old } = JSON.parse(text)
    await writeFile(path, JSON.stringify(old))
    expect(await cli('inspect', pack.folder)).toMatchObject({ code: 0, stderr: expect.stringMatching(/no digest/) })
    expect(await cli('inspect', pack.folder, '--check')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\nnanbeige-edge: tiny: the manifest has no digest.*\n$/),
    })
    await writeFile(path, text)
  })

  it('packs a model of a hub', async () => {
    const hub = await HubServer.start('test/fixtures/tiny-llama/tied')
    try {
      const out = join(pack.root, 'from-hub')
      const env = { ...process.env, HF_ENDPOINT: hub.url, HF_TOKEN: '' }
      const args = ['--out', out, '--cache', join(pack.root, 'cache')]
      const { stdout } = await run(process.execPath, [CLI, 'pack', hub.model, ...args], { env })
      expect(stdout).toMatch(/from-hub: \d+ bytes, shards: 1\n$/)
      const { stdout: shown } = await cli('inspect', out, '--check')
      expect(shown).toMatch(/^source +owner\/tiny$/m)
      expect(shown).toMatch(/^ropeLayout +half$/m)
    } finally {
      await hub.stop()
    }
  })

  it('says in one line what is wrong', async () => {
    const shard = join(pack.folder, pack.manifest.shards[0].file)
    await writeFile(shard, new Uint8Array(pack.manifest.shards[0].bytes))
    expect(await cli('inspect', pack.folder, '--check')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nanbeige-edge: .*bytes differ from the sha256 in the manifest.*\n$/),
    })
    expect(await cli('inspect', pack.root)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nanbeige-edge: .*manifest\.json: no such file.*\n$/),
    })
    expect(await cli('inspect', shard)).toEqual({
      code: 1,
      stdout: '',
      stderr: `nanbeige-edge: ${shard} is a file; a pack is a folder, which \`nanbeige-edge pack ${shard} --out FOLDER\` makes of a model\n`,
    })
    for (const [command, ...options] of [['inspect'], ['plan'], ['deploy', '--public']]) {
      expect(await cli(command, join(pack.root, 'none'), ...options)).toEqual({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/^nanbeige-edge: .*none: cannot be opened \(ENOENT.*\n$/),
      })
      expect(await cli(command)).toMatchObject({ code: 1, stderr: "error: missing required argument 'folder'\n" })
    }
    expect(await cli('pack', shard, '--out', pack.root)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nanbeige-edge: .*not a GGUF file\n$/),
    })
  })

  it('ends quietly when its reader has read enough, with the status of a program that SIGPIPE ends', async () => {
    const inspecting = spawn(process.execPath, [CLI, 'inspect', 'weights/smollm2-135m-instruct'])
    inspecting.stdout.destroy()
    let stderr = ''
    inspecting.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    expect(await once(inspecting, 'close')).toEqual([141, null])
    expect(stderr).toBe('')
  })

  // Not everywhere is there a folder that takes no other.
  it.skipIf(!existsSync('/proc/self'))('says where no folder can be made', async () => {
    const model = join(pack.root, 'model.gguf')
    await writeFile(model, ggufBytes(tinyMetadata, tinyTensors('F16')))
    expect(await cli('pack', model, '--out', '/proc/none/pack')).toEqual({
      code: 1,
      stdout: '',
      stderr: "nanbeige-edge: /proc/none/pack: ENOENT: no such file or directory, mkdir '/proc/none'\n",
    })
    expect(await cli('deploy', pack.folder, '--dry-run', '--out', '/proc/none')).toEqual({
      code: 1,
      stdout: '',
      stderr: "nanbeige-edge: /proc/none: ENOENT: no such file or directory, mkdir '/proc/none'\n",
    })
    for (const args of [
      ['pack', model, '--out', ''],
      ['deploy', pack.folder, '--dry-run', '--out', ''],
      ['pack', model, '--out', join(pack.root, 'unwritten'), '--cache', ''],
    ]) {
      expect(await cli(...args)).toMatchObject({ code: 1, stderr: expect.stringMatching(/no folder is given\n$/) })
    }
    expect(await cli('pack', model, '--out', join(model, 'pack'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nanbeige-edge: .*pack: E\w+: .*\n$/),
    })
  })

  it('says in one line what the system refuses', async () => {
    const locked = join(pack.root, 'locked')
    await mkdir(join(locked, 'manifest.json'), { recursive: true })
    expect(await cli('inspect', locked)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'nanbeige-edge: EISDIR: illegal operation on a directory, read\n',
    })
  })
})
