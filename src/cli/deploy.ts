import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SingleBar } from 'cli-progress'
import { DeployError } from '../deploy/errors.ts'
import { CONFIG_FILE, type Script } from '../deploy/wrangler-configs.ts'
import { writePipeline } from '../deploy/write-scripts.ts'
import { kernelModules } from '../pack/kernel-modules.ts'
import { WRANGLER } from '../serve/project.ts'
import { type PlanCommandOptions, planPack } from './plan.ts'

/** As commander gives them. */
export interface DeployCommandOptions extends PlanCommandOptions {
  readonly out?: string
  readonly dryRun?: true
}

/**
 * Write the scripts of a pack's pipeline and hand each to `wrangler deploy`, stages first. Repeating it changes nothing: wrangler uploads only assets
 * that the account lacks. Throws PlanError, DeployError, WeightsError, PackError.
 */
export async function deployCommand(folder: string, options: DeployCommandOptions): Promise<void> {
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
    scripts = await writePipeline(store, manifest, plan, out, (done, total) => {
      bar.setTotal(total)
      bar.update(done)
    })
  } finally {
    bar.stop()
  }
  process.stdout.write(`${out}: ${scripts.length - 1} stages and the router\n`)
  for (const [index, script] of scripts.entries()) {
    process.stdout.write(`${index + 1}/${scripts.length} ${script.name} ... `)
    await wranglerDeploy(script.name, join(out, script.folder, CONFIG_FILE), options.dryRun === true)
    process.stdout.write(options.dryRun ? 'would deploy\n' : 'deployed\n')
  }
}

/** Throws DeployError with what wrangler said. */
async function wranglerDeploy(name: string, config: string, dryRun: boolean): Promise<void> {
  const args = [WRANGLER, 'deploy', '--config', config, ...(dryRun ? ['--dry-run'] : [])]
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
