import { type ModelConfig, modelConfig } from '../weights/manifest.ts'
import { PackError } from './pack-error.ts'

/** A configuration with numbers that a manifest may have: before anything is made as large as they say. Throws PackError. */
export function checkedConfig(config: ModelConfig, path?: string): ModelConfig {
  const parsed = modelConfig.safeParse(config)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const key = issue.path[0] as keyof ModelConfig
  throw new PackError(
    'metadata_invalid',
    `${path === undefined ? '' : `${path}: `}${key} ${config[key]} is none that a model can have (${issue.message}); the file is damaged, download it again`,
  )
}
