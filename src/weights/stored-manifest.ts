import { PACK_VERSION } from './manifest.ts'
import { manifestDigest } from './manifest-digest.ts'
import { WeightsError } from './weights-error.ts'

/**
 * JSON of a manifest file whose digest is right; null text: there was no such file. A manifest of another version is for parseManifest to
 * refuse, and one without a digest, as packs had none at first, is taken with a warning. Throws WeightsError.
 */
export async function parseStoredManifest(text: string | null, where: string): Promise<unknown> {
  if (text === null) {
    throw new WeightsError(
      'manifest_missing',
      `${where}: no such file; run \`nanbeige-edge pack\` and deploy its output`,
    )
  }
  try {
    const json: unknown = JSON.parse(text)
    if (isManifest(json)) await checkDigest(json, where)
    return json
  } catch (error) {
    if (error instanceof WeightsError) throw error
    throw new WeightsError('manifest_invalid', `${where}: not JSON (${(error as Error).message})`)
  }
}

function isManifest(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && 'version' in json && json.version === PACK_VERSION
}

async function checkDigest(manifest: Record<string, unknown>, where: string): Promise<void> {
  if (manifest.digest === undefined) {
    console.warn(`${where}: the manifest has no digest, so a change of it would go unnoticed; pack the model again`)
  } else if (manifest.digest !== (await manifestDigest(manifest))) {
    throw new WeightsError(
      'manifest_changed',
      `${where}: the manifest differs from the digest that it carries: it is damaged, or was changed after packing; ` +
        'deploy the pack again, or run `nanbeige-edge pack` again',
    )
  }
}
