// Installs the packages when they are missing or older than the lock file. Runs on any Node, before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))))
const installed = 'node_modules/.package-lock.json'
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync('package-lock.json').mtimeMs) {
  console.log('Installing packages …')
  // Neither writes package-lock.json: npm 10 (Node 20's) would drop fields that npm 11 writes. `ci` would also empty an old
  // node_modules, with the servers and models in its .cache that tests and benches have downloaded.
  const command = existsSync('node_modules') ? ['install', '--no-save'] : ['ci']
  const { status } = spawnSync('npm', [...command, '--no-audit', '--no-fund'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
}
