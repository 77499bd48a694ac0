import { html, raw } from 'hono/html'
import type { openApiDocument } from './document.ts'

type Html = ReturnType<typeof html>

/** As far as a page shows of it. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly [keyword: string]: unknown
}

interface Shown {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly security?: readonly unknown[]
  readonly parameters: readonly { name: string; in: string; description?: string; schema: Schema }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Content }>>
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 15%, transparent); --quiet: color-mix(in srgb, currentColor 65%, transparent) }
body { margin: 0 auto; max-inline-size: 56rem; padding: 2rem 1.25rem 6rem; font: 1rem/1.5 system-ui, sans-serif }
h1, h2, h3 { line-height: 1.2; text-wrap: balance } h2 { margin-block-start: 3rem } h3 { font-size: 1rem; margin: 0 }
a { color: inherit } code, h3 { font-family: ui-monospace, monospace; font-size: 0.9rem; overflow-wrap: anywhere }
nav ul { columns: 2 18rem; padding: 0; list-style: none } nav li { break-inside: avoid }
article { border-block-start: 1px solid var(--line); padding-block: 1.25rem } p { margin-block: 0.4rem }
dl { margin: 0; padding-inline-start: 1rem; border-inline-start: 1px solid var(--line) } dt { margin-block-start: 0.4rem } dd { margin: 0; padding-inline-start: 1rem }
small, summary { color: var(--quiet); font-size: 0.9rem } summary { cursor: pointer } summary code { color: CanvasText } summary small { color: inherit } .method { display: inline-block; min-inline-size: 7ch }
`

/** The document for people: a page without scripts, that needs no network. */
export function referencePage({ info, paths }: ReturnType<typeof openApiDocument>): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      ...(operation as Shown),
    })),
  )
  const groups = [...Map.groupBy(operations, ({ tags: [tag] }) => tag)]
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title} ${info.version}: API</title>
<link rel="icon" href="data:,">
<style>${raw(STYLE)}</style>
</head>
<body>
<h1>${info.title} <small>${info.version}</small></h1>
<p>${info.summary} ${info.description}</p>
<p>For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1). Where the server has keys, a request brings one: <code>Authorization: Bearer KEY</code>.</p>
<nav aria-label="Operations"><ul>${operations.map(({ operationId, method, path }) => html`<li><a href="#${operationId}"><code><span class="method">${method}</span> ${path}</code></a></li>`)}</ul></nav>
<main>${groups.map(([name, of]) => html`<h2>${name}</h2>${of.map(operationHtml)}`)}</main>
</body>
</html>
`
  return String(page)
}

function operationHtml(operation: Shown & { readonly method: string; readonly path: string }): Html {
  const { operationId, method, path, summary, parameters, requestBody, responses, security } = operation
  const body = requestBody?.content['application/json'].schema
  const { 200: whole, default: failed } = responses
  const answer = whole.content['application/json']?.schema
  return html`<article id="${operationId}">
<h3><span class="method">${method}</span> ${path}</h3>
<p>${inline(summary)}${security?.length === 0 ? ' Without a key too.' : ''}</p>
${parameters.length > 0 ? html`<dl>${parameters.map(parameterHtml)}</dl>` : ''}
${body ? html`<details><summary>Body</summary>${schemaHtml(body)}</details>` : ''}
${answer ? html`<details><summary>Answer</summary>${schemaHtml(answer)}</details>` : ''}
<p><small>${inline(whole.description)}</small></p>
<details><summary>Errors</summary><p>${failed.description}</p>${schemaHtml(failed.content['application/json'].schema)}</details>
</article>`
}

/** What stands between backticks is code. */
function inline(text: string) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))
}

function parameterHtml({ name, in: place, description, schema }: Shown['parameters'][number]): Html {
  return html`<dt><code>${name}</code> <small>${place}, ${typeOf(schema)}</small></dt><dd>${inline(description ?? '')}</dd>`
}

/** What is inside of an object, a list or a choice; nothing for what its type says already. */
function schemaHtml(schema: Schema): Html | string {
  const { properties, required = [], items, anyOf, oneOf } = schema
  if (properties)
    return html`<dl>${Object.entries(properties).map(([name, of]) => propertyHtml(name, of, required.includes(name)))}</dl>`
  if (items) return schemaHtml(items)
  const inside = (anyOf ?? oneOf ?? []).filter(hasInside)
  if (inside.length === 1) return schemaHtml(inside[0])
  return inside.length > 0
    ? html`${inside.map((one, index) => html`${index > 0 ? html`<p><small>or</small></p>` : ''}${schemaHtml(one)}`)}`
    : ''
}

function propertyHtml(name: string, schema: Schema, isRequired: boolean): Html {
  const inside = hasInside(schema)
  const head = html`<code>${name}</code> <small>${typeOf(schema)}${isRequired ? ', required' : ''}${schema.description ? `: ${schema.description}` : ''}</small>`
  return html`<dt>${inside ? html`<details><summary>${head}</summary>${schemaHtml(schema)}</details>` : head}</dt>`
}

function hasInside({ properties, items, anyOf, oneOf }: Schema): boolean {
  if (properties) return Object.keys(properties).length > 0
  return items ? hasInside(items) : (anyOf ?? oneOf ?? []).some(hasInside)
}

const BOUNDS = [
  ['minimum', '≥'],
  ['exclusiveMinimum', '>'],
  ['maximum', '≤'],
] as const

function typeOf(schema: Schema): string {
  const { type, items, anyOf, oneOf, const: value, enum: values } = schema
  if (value !== undefined) return JSON.stringify(value)
  if (values) return values.map((one) => JSON.stringify(one)).join(' | ')
  const choices = anyOf ?? oneOf
  if (choices) return [...new Set(choices.map(typeOf))].join(' | ')
  const bounds = BOUNDS.filter(([keyword]) => schema[keyword] !== undefined).map(
    ([keyword, sign]) => ` ${sign} ${schema[keyword]}`,
  )
  const name =
    type === 'array'
      ? `list${items && typeOf(items) !== 'anything' ? ` of ${typeOf(items)}` : ''}`
      : [type ?? 'anything'].flat().join(' | ')
  return name + bounds.join('')
}
