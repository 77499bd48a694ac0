import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { isInstalled } from './clients/python.ts'
import { serveCommand } from './support/serve-command.ts'
import { tinyPack } from './support/tiny-pack.ts'

const PROGRAM = 'node_modules/.cache/python-clients/schemathesis/bin/schemathesis'
/** Requests of each kind to each endpoint. */
const EXAMPLES = 20

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
          ...['--config-file', 'test/schemathesis.toml', '--no-color', 'run', `${server.url}/openapi.json`],
          ...[
            '--phases',
            'coverage,fuzzing',
            '--max-examples',
            String(EXAMPLES),
            '--seed',
            '1',
            '--continue-on-failure',
          ],
        ],
        { maxBuffer: 2 ** 26 },
      ).catch(({ stdout }) => ({ stdout: stdout as string }))
      const summary = stdout.slice(stdout.indexOf(' SUMMARY '))
      console.log(summary)
      expect(stdout).toMatch(/No issues found/)
    } finally {
      await server.stop()
      await pack.remove()
    }
  },
)
