import { Environment } from '@huggingface/jinja'
import { Arguments } from './arguments.ts'
import { Budget } from './budget.ts'
import { PythonInterpreter } from './interpreter.ts'
import { type Node, parse } from './parse.ts'
import { spelled } from './spelling.ts'
import { strftime } from './strftime.ts'
import {
  dict,
  FALSE,
  func,
  int,
  list,
  NONE,
  type Scope,
  str,
  TemplateError,
  TRUE,
  toValue,
  type Value,
} from './values.ts'

/** A Jinja template that renders as Python's jinja2 does with the settings of transformers. */
export class JinjaTemplate {
  readonly #program: Node

  /** Throws SyntaxError. */
  constructor(source: string) {
    this.#program = parse(source)
  }

  /** Throws TemplateError where Python would throw, and where the template takes more than its budget. */
  render(variables: Readonly<Record<string, unknown>>): string {
    const budget = new Budget()
    const scope = new Environment() as unknown as Scope
    for (const [name, value] of Object.entries(globals(budget))) scope.setVariable(name, value)
    for (const [name, value] of Object.entries(variables)) {
      if (value !== undefined) scope.setVariable(name, toValue(value))
    }
    return new PythonInterpreter(scope, budget).evaluate(this.#program, scope).value as string
  }
}

function globals(budget: Budget): Record<string, Value> {
  return {
    true: TRUE,
    True: TRUE,
    false: FALSE,
    False: FALSE,
    none: NONE,
    None: NONE,
    range: func((args) => range(new Arguments(args), budget)),
    dict: func((args) => dict(new Map(new Arguments(args).keywords))),
    raise_exception: func(([message]) => {
      throw new TemplateError(spelled(message))
    }),
    strftime_now: func(([format]) => str(strftime(new Date(), spelled(format)))),
  }
}

function range(args: Arguments, budget: Budget): Value {
  const [first, second] = [args.int(0, 'start') ?? 0, args.int(1, 'stop')]
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  const step = args.int(2, 'step') ?? 1
  if (step === 0) throw new TemplateError('range() arg 3 must not be zero')
  const length = Math.max(0, Math.ceil((stop - start) / step))
  budget.spend(length)
  return list(Array.from({ length }, (_, index) => int(start + index * step)))
}
