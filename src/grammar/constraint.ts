/** What an answer must be, from its first character to its last; reasoning before it is free. */
export type Constraint =
  /** Any JSON object. */
  | { readonly kind: 'json' }
  /** JSON that a JSON Schema accepts; `strict`: objects have no members but those that the schema names. */
  | { readonly kind: 'schema'; readonly schema: unknown; readonly strict: boolean }
  /** All of a regular expression. */
  | { readonly kind: 'regex'; readonly pattern: string }
  /** One of these texts. */
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  /** A grammar in XGrammar's EBNF (https://xgrammar.mlc.ai/docs/), beginning at its rule `root`. */
  | { readonly kind: 'ebnf'; readonly grammar: string }
