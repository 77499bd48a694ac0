import { choice, type Expression, NEVER, type Place, rule, text } from '../expression.ts'
import { GrammarError } from '../grammar-error.ts'
import { VALUE } from '../json/values.ts'
import { Alternatives } from './alternatives.ts'
import { arrays } from './arrays.ts'
import { enumeratedValues } from './enumerated.ts'
import {
  declaredTypes,
  intersectTypes,
  type Located,
  type LocatedObject,
  located,
  type SchemaObject,
  TYPES,
  type Type,
  typesMeant,
} from './keywords.ts'
import { numbers } from './numbers.ts'
import { objects } from './objects.ts'
import { strings } from './texts.ts'

const MAX_RULES = 2000

/**
 * The JSON texts that a schema accepts; not always all of them: members come in the order of the schema, and where no `type` says so, values are of
 * the types that its keywords speak of. What cannot be held exactly is refused by name. Throws GrammarError.
 */
export function schemaExpression(schema: unknown, isStrict: boolean): Expression {
  const root = located(schema, '')
  return new SchemaGrammar(root, isStrict).value([root])
}

/** The same of objects alone, whatever else the schema accepts. */
export function objectExpression(schema: unknown, isStrict: boolean): Expression {
  const root = located(schema, '')
  return new SchemaGrammar(root, isStrict).value([root, { schema: { type: 'object' }, path: '' }])
}

export class SchemaGrammar {
  /** Objects have no members but those that are named, where no schema says otherwise. */
  readonly isStrict: boolean
  readonly #alternatives: Alternatives
  readonly #ids = new Map<SchemaObject, number>()
  readonly #values = new Map<string, Expression>()

  constructor(root: Located, isStrict: boolean) {
    this.isStrict = isStrict
    this.#alternatives = new Alternatives(root.schema)
  }

  /** Values that all these schemas accept. */
  value(schemas: readonly Located[]): Expression {
    if (schemas.some(({ schema }) => schema === false)) return NEVER
    return this.#known('value', schemas, () => choice(...this.alternatives(schemas).map((one) => this.#plain(one))))
  }

  alternatives(schemas: readonly Located[]): LocatedObject[][] {
    return this.#alternatives.of(schemas)
  }

  /** The same schemas are one rule, which may stand in itself. */
  #known(kind: string, schemas: readonly Located[], build: () => Expression): Expression {
    const ids = schemas.flatMap(({ schema }) => (typeof schema === 'boolean' ? [] : [this.#id(schema)]))
    const key = `${kind} ${[...new Set(ids)].sort((a, b) => a - b).join(' ')}`
    const known = this.#values.get(key)
    if (known) return known
    if (this.#values.size >= MAX_RULES) {
      throw new GrammarError('grammar_too_large', `The schema comes to more than ${MAX_RULES} rules.`)
    }
    return rule((self) => {
      this.#values.set(key, self)
      return build()
    })
  }

  #id(schema: SchemaObject): number {
    const id = this.#ids.get(schema) ?? this.#ids.size
    this.#ids.set(schema, id)
    return id
  }

  #plain(schemas: readonly LocatedObject[]): Expression {
    const plain = this.#known('plain', schemas, () => {
      const values = enumeratedValues(schemas)
      if (values) return choice(...values.map((value) => text(JSON.stringify(value))))
      const types = typesOf(schemas)
      if (!types) return VALUE
      return choice(...Array.from(types, (type) => this.#ofType(type, schemas)))
    })
    if (plain.kind === 'rule') plain.rule.place = placeOf(schemas)
    return plain
  }

  #ofType(type: Type, schemas: readonly LocatedObject[]): Expression {
    switch (type) {
      case 'null':
        return text('null')
      case 'boolean':
        return choice(text('true'), text('false'))
      case 'string':
        return strings(schemas)
      case 'array':
        return arrays(this, schemas)
      case 'object':
        return objects(this, schemas)
      default:
        return numbers(type, schemas)
    }
  }
}

/** What is most likely to make a grammar large, first. */
const LARGE =
  /^(?:pattern|format|multipleOf|enum|uniqueItems|contains|(?:min|max)(?:Properties|Items|Length)|(?:pattern)?Properties|prefixItems)$/i

function placeOf(schemas: readonly LocatedObject[]): Place | undefined {
  for (const { schema, path } of schemas) {
    const keyword = Object.keys(schema).find((each) => LARGE.test(each))
    if (keyword !== undefined) return { keyword, path }
  }
  return undefined
}

/** undefined: any value, with nothing said about it. */
function typesOf(schemas: readonly LocatedObject[]): Set<Type> | undefined {
  const declared = schemas.map(declaredTypes).filter((types) => types !== undefined)
  const types = declared.reduce<Set<Type>>(intersectTypes, new Set(TYPES))
  // Integers are among the numbers.
  if (types.has('number')) types.delete('integer')
  if (declared.length > 0) return types
  return typesMeant(schemas)
}
