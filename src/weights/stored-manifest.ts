import { WeightsError } from './weights-error.ts'

/** JSON of a manifest file; null text: there was no such file. */
export function parseStoredManifest(text: string | null, where: string): unknown {
  if (text === null) {
    throw new WeightsError(
      'manifest_missing',
      `${where}: no such file; run \`nanbeige-edge pack\` and deploy its output`,
    )
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new WeightsError('manifest_invalid', `${where}: not JSON (${(error as Error).message})`)
  }
}
