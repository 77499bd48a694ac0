import { invalid, type Located, located, type Schema, unsupported } from './keywords.ts'

/** The target of a `$ref` within its schema: `#` or a JSON pointer (RFC 6901) behind it. Throws GrammarError for any other. */
export function resolveReference(root: Schema, reference: unknown, path: string): Located {
  if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) {
    throw unsupported('$ref', path, `${JSON.stringify(reference)} is not within the schema`)
  }
  let value: unknown = root
  for (const part of pointerParts(reference)) {
    const isHeld = typeof value === 'object' && value !== null && Object.hasOwn(value, part)
    if (!isHeld) throw invalid(`There is nothing at the '$ref' ${JSON.stringify(reference)}`, path)
    value = (value as Record<string, unknown>)[part]
  }
  return located(value, reference.slice(1))
}

function pointerParts(reference: string): string[] {
  if (reference.length === 1) return []
  return reference
    .slice(2)
    .split('/')
    .map((part) => unquoted(part).replaceAll('~1', '/').replaceAll('~0', '~'))
}

function unquoted(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
