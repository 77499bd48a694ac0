import { stat } from 'node:fs/promises'
import { type OriginConfig, parseOrigins } from '../origin/origin-config.ts'
import { downloadCheckpoint, parseHubModel } from '../pack/hub/checkpoint.ts'
import { readText } from '../pack/open-file.ts'
import { PackError } from '../pack/pack-error.ts'
import { packModel } from '../pack/pack-model.ts'
import { parseBits, parseGroup, parseName, parsePlanes, parseSampling } from '../pack/pack-options.ts'
import { readTexts } from '../quantize/calibration-text.ts'
import type { PackCommandOptions } from './pack-command.ts'
import { withBar } from './with-bar.ts'

export async function pack(model: string, options: PackCommandOptions): Promise<void> {
  const { out, name, planes, group, bits, rotate, temperature, topP, chatTemplate, eos, cache } = options
  const calibrate = options.calibrate ?? (bits === undefined ? undefined : 'default')
  // Wrong options are known before gigabytes are downloaded.
  if (bits !== undefined && (planes !== undefined || group !== undefined)) {
    throw new PackError(
      'option_invalid',
      '--bits chooses planes and groups for each matrix; give no --planes and no --group',
    )
  }
  if (calibrate !== undefined && bits === undefined && planes === undefined) {
    throw new PackError(
      'option_invalid',
      '--calibrate rounds all weights anew; say to how many bits, such as --bits 3.1, or planes, such as --planes 3',
    )
  }
  const origins = options.calibrateOrigin ? originsOf(process.env, calibrate) : undefined
  const packOptions = {
    name: parseName(out, name),
    planes: planes === undefined ? {} : parsePlanes(planes),
    groupSize: parseGroup(group ?? '32'),
    rotate,
    sampling: parseSampling(temperature, topP),
    ...(chatTemplate !== undefined && { chatTemplate: await readText(chatTemplate) }),
    ...(eos !== undefined && { eos: eos.split(',').map((token) => token.trim()) }),
  }
  const budget = bits === undefined ? undefined : parseBits(bits)
  const texts = calibrate === undefined ? undefined : await readTexts(calibrate)
  const hubModel = (await exists(model)) ? undefined : parseHubModel(model)
  const path = hubModel
    ? await withBar('downloading', (progress) => downloadCheckpoint(hubModel, { cache, progress }))
    : model
  const manifest = await withBar(texts ? 'calibrating' : 'packing', (progress) =>
    packModel(path, out, {
      ...packOptions,
      ...(texts ? { calibrate: { texts, origins, bits: budget, progress } } : { progress }),
      ...(hubModel && { sourceName: model }),
    }),
  )
  const bytes = manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0)
  process.stdout.write(`${out}: ${bytes} bytes, shards: ${manifest.shards.length}\n`)
}

function originsOf(env: NodeJS.ProcessEnv, calibrate: string | undefined): OriginConfig[] {
  const origins = parseOrigins(env.ORIGINS, env)
  if (origins.length > 0 && calibrate !== undefined) return origins
  throw new PackError(
    'option_invalid',
    '--calibrate-origin needs --calibrate or --bits, and origins in the environment variable ORIGINS (deploy/origin/README.md)',
  )
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
