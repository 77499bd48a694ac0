import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import c from 'highlight.js/lib/languages/c'
import cpp from 'highlight.js/lib/languages/cpp'
import csharp from 'highlight.js/lib/languages/csharp'
import css from 'highlight.js/lib/languages/css'
import diff from 'highlight.js/lib/languages/diff'
import go from 'highlight.js/lib/languages/go'
import java from 'highlight.js/lib/languages/java'
import javascript from 'highlight.js/lib/languages/javascript'
import json from 'highlight.js/lib/languages/json'
import kotlin from 'highlight.js/lib/languages/kotlin'
import markdown from 'highlight.js/lib/languages/markdown'
import php from 'highlight.js/lib/languages/php'
import python from 'highlight.js/lib/languages/python'
import ruby from 'highlight.js/lib/languages/ruby'
import rust from 'highlight.js/lib/languages/rust'
import shell from 'highlight.js/lib/languages/shell'
import sql from 'highlight.js/lib/languages/sql'
import swift from 'highlight.js/lib/languages/swift'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'

const LANGUAGES = {
  ...{
    bash,
    c,
    cpp,
    csharp,
    css,
    diff,
    go,
    java,
    javascript,
    json,
    kotlin,
    markdown,
    php,
    python,
    ruby,
    rust,
    shell,
    sql,
  },
  ...{ swift, typescript, xml, yaml },
}
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language)

/** What highlight.js (11.12) has as its tree of tokens. */
interface Scope {
  readonly scope?: string
  readonly children: readonly (Scope | string)[]
}

export interface Coloured {
  readonly nodes: Node[]
  /** The text ends within a string, a comment or another mode: what follows cannot be coloured by itself. */
  readonly open: boolean
}

export const highlighter = {
  knows: (language: string): boolean => hljs.getLanguage(language) !== undefined,

  colour(text: string, language: string): Coloured | undefined {
    if (!hljs.getLanguage(language)) return undefined
    const { _emitter, _top } = hljs.highlight(text, { language, ignoreIllegals: true })
    return {
      nodes: (_emitter as unknown as { root: Scope }).root.children.map(node),
      open: (_top as { parent?: unknown } | undefined)?.parent !== undefined,
    }
  },
}

export type Highlighter = typeof highlighter

/** Elements by hand: no HTML, so that nothing has to be trusted. */
function node(scope: Scope | string): Node {
  if (typeof scope === 'string') return document.createTextNode(scope)
  const span = document.createElement('span')
  span.className = className(scope.scope)
  span.append(...scope.children.map(node))
  return span
}

/** As the themes of highlight.js call it: title.function is "hljs-title function_". */
function className(scope = ''): string {
  if (scope.startsWith('language:')) return scope.replace(':', '-')
  const [name, ...kinds] = scope.split('.')
  return [`hljs-${name}`, ...kinds.map((kind, index) => kind + '_'.repeat(index + 1))].join(' ')
}
