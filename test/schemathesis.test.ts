import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { isInstalled } from './clients/python.ts'
import { serveCommand } from './support/serve-command.ts'
import { tinyPack } from './support/tiny-pack.ts'

const PROGRAM = resolve('node_modules/.cache/python-clients/schemathesis/bin/schemathesis')
const CONFIG = resolve('test/schemathesis.toml')
/** Of the whole run, in seconds: what is known to go wrong is tried first, then what comes to its mind. */
const MAX_SECONDS = 180

const wanted = process.env.TEST_SCHEMATHESIS !== undefined && isInstalled('schemathesis')

it.skipIf(!wanted)(
  'schemathesis finds no 5xx and nothing that /openapi.json does not say (npm run test:schemathesis)',
  async () => {
    const pack = await tinyPack()
    const server = await serveCommand([pack.folder])
    try {
      const { stdout } = await promisify(execFile)(
        PROGRAM,
        [
          ...['--config-file', CONFIG, '--no-color', 'run', `${server.url}/openapi.json`],
          ...[
            '--phases',
            'coverage,fuzzing',
            '--max-time',
            String(MAX_SECONDS),
            '--seed',
            '1',
            '--continue-on-failure',
            '--warnings',
            'off',
          ],
        ],
        // Where it leaves what it remembers.
        { cwd: pack.root, maxBuffer: 2 ** 26 },
      ).catch(({ stdout }) => ({ stdout: stdout as string }))
      const summary = stdout.slice(stdout.indexOf(' SUMMARY '))
      console.log(summary)
      expect(summary).toMatch(/(\d+) generated, \1 passed/)
    } finally {
      await server.stop()
      await pack.remove()
    }
  },
)
