import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SingleBar } from 'cli-progress'
import { DeployError } from '../deploy/errors.ts'
import { MAX_VARIABLE_BYTES } from '../deploy/platform-limits.ts'
import { CONFIG_FILE, ROUTER_FOLDER, type Script } from '../deploy/wrangler-configs.ts'
import { writePipeline } from '../deploy/write-scripts.ts'
import { kernelModules } from '../pack/kernel-modules.ts'
import { readKeys } from '../serve/access-vars.ts'
import { WRANGLER } from '../serve/project.ts'
import { type PlanCommandOptions, planPack } from './plan.ts'

const NO_KEYS =
  'To be deployed it needs --keys FILE, which `nanbeige-edge key NAME --file FILE` makes, or --public: strangers, with limits and without GPU origins.'

function tooManyKeys(file: string, { length }: string): string {
  return `${file} has ${length} bytes of keys where a Worker's variable holds ${MAX_VARIABLE_BYTES}; take keys out that nobody uses`
}

/** As commander gives them. */
export interface DeployCommandOptions extends PlanCommandOptions {
  readonly out?: string
  readonly dryRun?: true
  readonly keys?: string
  readonly public?: true
}

/**
 * Write the scripts of a pack's pipeline and hand each to `wrangler deploy`, stages first. Repeating it changes nothing: wrangler uploads only assets
 * that the account lacks. Throws PlanError, DeployError, AccessConfigError, WeightsError, PackError.
 */
export async function deployCommand(folder: string, options: DeployCommandOptions): Promise<void> {
  const { keys, public: isPublic = false, dryRun = false } = options
  const apiKeys = keys === undefined ? undefined : await readKeys(keys)
  if (apiKeys !== undefined && apiKeys.length > MAX_VARIABLE_BYTES)
    throw new DeployError('too_many_keys', tooManyKeys(keys!, apiKeys))
  if (apiKeys === undefined && !isPublic && !dryRun) throw new DeployError('no_keys', NO_KEYS)
  const { store, manifest, plan } = await planPack(await kernelModules(), folder, options)
  const out = options.out ?? join('dist', 'deploy', plan.name)
  const bar = new SingleBar({
    format: 'dividing the weights {bar} {percentage} %',
    hideCursor: true,
    noTTYOutput: false,
  })
  bar.start(1, 0)
  let scripts: Script[]
  try {
    const progress = (done: number, total: number) => {
      bar.setTotal(total)
      bar.update(done)
    }
    scripts = await writePipeline(store, manifest, plan, out, progress, isPublic ? { ACCESS: 'public' } : {})
  } finally {
    bar.stop()
  }
  process.stdout.write(`${out}: ${scripts.length - 1} stages and the router\n`)
  for (const [index, script] of scripts.entries()) {
    process.stdout.write(`${index + 1}/${scripts.length} ${script.name} ... `)
    const secrets = script.folder === ROUTER_FOLDER && apiKeys !== undefined ? { API_KEYS: apiKeys } : undefined
    await wranglerDeploy(script.name, join(out, script.folder, CONFIG_FILE), dryRun, secrets)
    process.stdout.write(dryRun ? 'would deploy\n' : 'deployed\n')
  }
  if (apiKeys === undefined && !isPublic) process.stdout.write(`${NO_KEYS}\n`)
}

/** Throws DeployError with what wrangler said. `secrets` are there with the script, not after it. */
async function wranglerDeploy(name: string, config: string, dryRun: boolean, secrets?: object): Promise<void> {
  const folder = secrets && (await mkdtemp(join(tmpdir(), 'nanbeige-edge-secrets-')))
  try {
    const file = folder && join(folder, 'secrets.json')
    if (file) await writeFile(file, JSON.stringify(secrets), { mode: 0o600 })
    await wrangler(name, config, [...(dryRun ? ['--dry-run'] : []), ...(file ? ['--secrets-file', file] : [])])
  } finally {
    if (folder) await rm(folder, { recursive: true })
  }
}

async function wrangler(name: string, config: string, options: readonly string[]): Promise<void> {
  const args = [WRANGLER, 'deploy', '--config', config, ...options]
  // No telemetry, no question that nobody sees, and no colours in an error.
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true', FORCE_COLOR: '0' }
  await promisify(execFile)(process.execPath, args, { env }).catch(({ stdout, stderr }) => {
    throw new DeployError(
      'script_failed',
      `wrangler could not deploy ${name} (${config}); scripts before it are done: put right what it says and deploy again\n` +
        `${stdout}${stderr}`.trim(),
    )
  })
}
