import { type ModelConfig, modelConfig } from '../weights/manifest.ts'
import { PackError } from './pack-error.ts'

/** A configuration with numbers that a manifest may have: before anything is made as large as they say. Throws PackError. */
export function checkedConfig(config: ModelConfig): ModelConfig {
  const parsed = modelConfig.safeParse(config)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]
  const key = path[0] as keyof ModelConfig
  throw new PackError(
    'metadata_invalid',
    `${key} ${config[key]} is none that a model can have (${message}); the file is damaged, download it again`,
  )
}
