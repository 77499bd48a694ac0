import type { ServedModel } from '../serve/serve-model.ts'
import type { Manifest, PlanesTensor } from '../weights/manifest.ts'
import { type TensorClass, tensorClass } from '../weights/tensor-shapes.ts'

/** What is served, where, and how to ask it, in some lines. `needsKey`: every request has to bring one. */
export function describeServed(served: ServedModel, seconds: number, needsKey: boolean): string {
  const { url, model, whole, origin } = served
  const authorization = needsKey ? ` -H 'Authorization: Bearer KEY'` : ''
  const facts = [
    ...(whole
      ? [`planes: ${describePlanes(whole.manifest)}`, `context: ${whole.contextLength} tokens`]
      : ['a pipeline']),
    ...(whole?.sequences ? [`${whole.sequences} ${whole.sequences > 1 ? 'answers' : 'answer'} at a time`] : []),
  ]
  return [
    `${model} at ${url} after ${seconds.toFixed(1)} s (${facts.join(', ')})`,
    ...(origin ? [`Long answers go on at ${origin.url} (${origin.kind}, ${origin.model}).`] : []),
    '',
    `Chat:  ${url}${needsKey ? '  (the page has no key: not here)' : ''}`,
    `Talk:  npx nanbeige-edge chat ${url}${needsKey ? ' --key KEY' : ''}`,
    `API:   curl ${url}/v1/chat/completions${authorization} -H 'Content-Type: application/json' \\`,
    `         -d '{"messages": [{"role": "user", "content": "Write a haiku about the sea."}], "stream": true}'`,
    'Stop with Ctrl-C.',
  ].join('\n')
}

/** `4`, or by class where these differ: `embedding 8, attention 2, ffn 2, head 4`. */
export function describePlanes({ tensors }: Pick<Manifest, 'tensors'>): string {
  const matrices = tensors.filter((tensor): tensor is PlanesTensor => tensor.kind === 'planes')
  const byClass = Map.groupBy(matrices, ({ name }): TensorClass => tensorClass(name))
  const ranges = new Map(Array.from(byClass, ([name, of]) => [name, range(of.map(({ planes }) => planes))]))
  const different = new Set(ranges.values())
  if (different.size === 1) return [...different][0]
  return Array.from(ranges, ([name, planes]) => `${name} ${planes}`).join(', ')
}

function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return least === most ? String(least) : `${least} to ${most}`
}
