import { Environment, Interpreter } from '@huggingface/jinja'
import { Arguments } from './arguments.ts'
import type { Budget } from './budget.ts'
import { filtered } from './filters.ts'
import { method } from './methods.ts'
import { operate } from './operators.ts'
import { type Node, testOf } from './parse.ts'
import { itemAt, iterate, slice } from './sequences.ts'
import { spelled } from './spelling.ts'
import { passes } from './tests.ts'
import {
  bool,
  dict,
  func,
  int,
  isDict,
  isInt,
  isList,
  isNamespace,
  isStr,
  isTrue,
  isUndefined,
  numeric,
  type Scope,
  str,
  TemplateError,
  typeName,
  UNDEFINED,
  type Value,
} from './values.ts'

/** Break and continue: what the body wrote until there stands. */
class LoopControl extends Error {
  readonly kind: string
  text = ''

  constructor(kind: string) {
    super(`{% ${kind.toLowerCase()} %} stands outside of a loop`)
    this.kind = kind
  }
}

/** What an iteration costs beside its body: a scope, and all that `loop` says. */
const ITERATION_STEPS = 5

/** They write nothing. */
const SILENT = new Set(['Set', 'Macro', 'Comment'])

// What the library has no types for, and this class builds upon.
interface LibraryInterpreter {
  evaluate(node: Node | undefined, scope: Scope): Value
  evaluateArguments(args: readonly Node[], scope: Scope): [Value[], Map<string, Value>]
}
const Library = Interpreter as unknown as new (globals: Scope) => LibraryInterpreter
const scopeIn = (scope: Scope) => new Environment(scope as never) as unknown as Scope

/**
 * The interpreter of @huggingface/jinja where it differs from Python's jinja2: operators, filters, tests, methods and loops are ours, by
 * Python's rules, and each step counts.
 */
export class PythonInterpreter extends Library {
  readonly #budget: Budget

  constructor(globals: Scope, budget: Budget) {
    super(globals)
    this.#budget = budget
  }

  override evaluate(node: Node | undefined, scope: Scope): Value {
    this.#budget.spend(1)
    if (!node) return UNDEFINED
    switch (node.type) {
      case 'For':
        return this.#loop(node, scope)
      case 'Break':
      case 'Continue':
        throw new LoopControl(node.type)
      case 'FilterStatement':
        return this.#filter(this.evaluateBlock(node.body, scope), node.filter, scope)
      case 'FilterExpression':
        return this.#filter(this.evaluate(node.operand, scope), node.filter, scope)
      case 'TestExpression':
        return bool(passes(node.test.value, this.evaluate(node.operand, scope), []) !== node.negate)
      case 'UnaryExpression':
        return this.#unary(node, scope)
      case 'BinaryExpression':
        return this.#binary(node, scope)
      case 'MemberExpression':
        return this.#member(node, scope)
      default:
        return super.evaluate(node, scope)
    }
  }

  /** What the library runs every body of statements with. */
  evaluateBlock(statements: readonly Node[], scope: Scope): Value<string> {
    let text = ''
    try {
      for (const statement of statements) {
        const value = this.evaluate(statement, scope)
        if (!SILENT.has(statement.type)) text += this.#weighed(spelled(value))
      }
    } catch (error) {
      if (error instanceof LoopControl) error.text = text + error.text
      throw error
    }
    return str(text)
  }

  #loop(node: Node, outer: Scope): Value {
    const select = node.iterable.type === 'SelectExpression' ? node.iterable : undefined
    const iterable = this.evaluate(select ? select.lhs : node.iterable, outer)
    // Each character becomes a value of its own.
    if (isStr(iterable)) this.#budget.spend(iterable.value.length)
    let items = iterate(iterable)
    if (select) items = items.filter((item) => isTrue(this.evaluate(select.test, bound(node.loopvar, item, outer))))
    let text = ''
    let completed = false
    let changed: string | undefined
    const isChanged = func((args) => {
      const now = JSON.stringify(args.map(spelled))
      const before = changed
      changed = now
      return bool(before !== now)
    })
    for (const [index, item] of items.entries()) {
      this.#budget.spend(ITERATION_STEPS)
      const scope = bound(node.loopvar, item, outer)
      scope.setVariable('loop', loopValue(items, index, isChanged))
      try {
        text += this.evaluateBlock(node.body, scope).value
        completed = true
      } catch (error) {
        if (!(error instanceof LoopControl)) throw error
        text += error.text
        if (error.kind === 'Break') break
      }
    }
    // Jinja takes the else branch also where every iteration was cut short.
    return completed ? str(text) : str(text + this.evaluateBlock(node.defaultBlock, scopeIn(outer)).value)
  }

  #filter(value: Value, filter: Node, scope: Scope): Value {
    if (filter.type === 'Identifier') return this.#weighedValue(filtered(filter.value, value, new Arguments([])))
    const [args, keywords] = this.evaluateArguments(filter.args, scope)
    const name: string = filter.callee.value
    const test = testOf(name)
    if (test) return bool(passes(test.name, value, args) !== test.negate)
    return this.#weighedValue(filtered(name, value, new Arguments(args, keywords)))
  }

  #unary(node: Node, scope: Scope): Value {
    const value = this.evaluate(node.argument, scope)
    const operator: string = node.operator.value
    if (operator === 'not') return bool(!isTrue(value))
    const number = numeric(value)
    if (!number) throw new TemplateError(`bad operand type for unary ${operator}: '${typeName(value)}'`)
    if (operator === '-') return number.isFloat ? operate('*', value, int(-1)) : operate('-', int(0), value)
    return operate('+', value, int(0))
  }

  #binary(node: Node, scope: Scope): Value {
    const left = this.evaluate(node.left, scope)
    const operator: string = node.operator.value
    if (operator === 'and') return isTrue(left) ? this.evaluate(node.right, scope) : left
    if (operator === 'or') return isTrue(left) ? left : this.evaluate(node.right, scope)
    return this.#weighedValue(operate(operator, left, this.evaluate(node.right, scope)))
  }

  #member(node: Node, scope: Scope): Value {
    const object = this.evaluate(node.object, scope)
    if (isUndefined(object)) throw new TemplateError(`${described(node.object)} is undefined`)
    const { property } = node
    if (!node.computed) return attribute(object, property.value)
    if (property.type === 'SliceExpression') {
      // The library leaves the step undefined where there is none, and gives an undefined value for it.
      const bounds = [property.start, property.stop, ...(property.step ? [property.step] : [])]
      return this.#weighedValue(
        slice(
          object,
          bounds.map((part) => this.evaluate(part, scope)),
        ),
      )
    }
    return item(object, this.evaluate(property, scope))
  }

  #weighed(text: string): string {
    this.#budget.spendOn(text.length)
    return text
  }

  #weighedValue(value: Value): Value {
    if (isStr(value) || isList(value)) this.#budget.spendOn(value.value.length)
    return value
  }
}

/** The scope of one iteration, with its item by the name, or the names, of the loop. */
function bound(target: Node, item: Value, outer: Scope): Scope {
  const scope = scopeIn(outer)
  if (target.type === 'Identifier') {
    scope.setVariable(target.value, item)
    return scope
  }
  const items = iterate(item)
  if (items.length !== target.value.length) {
    throw new TemplateError(`${items.length} values cannot be unpacked into ${target.value.length} names`)
  }
  for (const [index, name] of target.value.entries()) scope.setVariable(name.value, items[index])
  return scope
}

function loopValue(items: readonly Value[], index: number, changed: Value): Value {
  const last = items.length - 1
  const cycle = func((args) => args[index % args.length] ?? UNDEFINED)
  return dict(
    new Map<string, Value>([
      ['index', int(index + 1)],
      ['index0', int(index)],
      ['revindex', int(last - index + 1)],
      ['revindex0', int(last - index)],
      ['first', bool(index === 0)],
      ['last', bool(index === last)],
      ['length', int(items.length)],
      ['previtem', items[index - 1] ?? UNDEFINED],
      ['nextitem', items[index + 1] ?? UNDEFINED],
      ['cycle', cycle],
      ['changed', changed],
    ]),
  )
}

/** `object.name`: a method before an item of the same name. */
function attribute(object: Value, name: string | number): Value {
  if (typeof name === 'number') return item(object, int(name))
  if (isNamespace(object)) return object.value.get(name) ?? UNDEFINED
  return method(object, name) ?? (isDict(object) ? object.value.get(name) : undefined) ?? UNDEFINED
}

/** `object[key]`: an item before a method of the same name. */
function item(object: Value, key: Value): Value {
  if ((isList(object) || isStr(object)) && isInt(key)) return itemAt(object, Number(key.value)) ?? UNDEFINED
  if (!isStr(key)) return UNDEFINED
  return (isDict(object) ? object.value.get(key.value) : undefined) ?? attribute(object, key.value)
}

function described(node: Node): string {
  if (node.type === 'Identifier') return `'${node.value}'`
  return node.type === 'MemberExpression' && !node.computed ? `'${node.property.value}'` : 'a value'
}
