import { z } from 'zod'
import { clientOf, KIND_NAMES, type OriginKind } from './clients/kinds.ts'

const PATIENCE_MS = 10_000

const models = z.object({ data: z.array(z.object({ id: z.string().min(1), owned_by: z.string().nullish() })).min(1) })

/** An entry of the variable ORIGINS. */
export interface FoundOrigin {
  readonly name: string
  readonly kind: OriginKind
  readonly url: string
  readonly model: string
}

/** Nobody knows what is at an address. The message says what to do. */
export class FindOriginError extends Error {
  override readonly name = 'FindOriginError'
}

/**
 * The origin at `URL` or `KIND+URL`: its kind, unless given, and its model by asking it. Of several models that of the edge's name is taken.
 * Throws FindOriginError.
 */
export async function findOrigin(text: string, key: string | undefined, edgeModel: string): Promise<FoundOrigin> {
  const [, given, address] = text.match(/^(?:([a-z-]+)\+)?(https?:\/\/.+)$/) ?? []
  if (address === undefined || !URL.canParse(address)) {
    throw new FindOriginError(
      `--origin: ${text} is no address, such as http://127.0.0.1:8000 or vllm+https://gpu.example.com`,
    )
  }
  const kind = KIND_NAMES.find((known) => known === given)
  if (given !== undefined && kind === undefined) {
    throw new FindOriginError(`--origin: ${given} is not a kind of server that is known: ${KIND_NAMES.join(', ')}`)
  }
  const url = address.replace(/\/+$/, '').replace(/\/v1$/, '')
  const { data } = await askModels(url, key)
  const sameName = ({ id }: { id: string }) => id.split('/').at(-1)!.toLowerCase() === edgeModel.toLowerCase()
  const model = data.length === 1 ? data[0] : data.find(sameName)
  if (model === undefined) {
    const names = data.map(({ id }) => id).join(', ')
    throw new FindOriginError(
      `${url} has several models (${names}); say which in the variable ORIGINS of .dev.vars (deploy/origin/README.md)`,
    )
  }
  return { name: 'origin', kind: kind ?? kindOfOwner(model.owned_by), url, model: model.id }
}

/** What says nothing that is known is spoken to as any server of OpenAI's completions. */
function kindOfOwner(owner: string | null | undefined): OriginKind {
  return KIND_NAMES.find((kind) => owner && clientOf(kind).owner === owner) ?? 'openai'
}

async function askModels(url: string, key: string | undefined): Promise<z.infer<typeof models>> {
  const where = `${url}/v1/models`
  let response: Response
  try {
    response = await fetch(where, {
      headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
  } catch {
    throw new FindOriginError(`${where} cannot be reached; start the origin first, or check its address`)
  }
  if (response.status === 401 || response.status === 403) {
    throw new FindOriginError(
      `${where} wants ${key === undefined ? 'a' : 'another'} key; set ORIGIN_KEY to the origin's API key`,
    )
  }
  const parsed = models.safeParse(await response.json().catch(() => undefined))
  if (response.ok && parsed.success) return parsed.data
  throw new FindOriginError(
    `${where} answers no list of models (status ${response.status}); check the origin's address`,
  )
}
