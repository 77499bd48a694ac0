import { choice, type Expression, optional, repeat, rule, sequence, text } from '../expression.ts'
import { NUMBER } from './numbers.ts'
import { SPACE, STRING } from './strings.ts'

export const COMMA: Expression = sequence(text(','), SPACE)

/** Any JSON value. */
export const VALUE: Expression = rule((value) =>
  choice(STRING, NUMBER, text('true'), text('false'), text('null'), arrayOf(value), objectOf(member(STRING, value))),
)

/** Any array, any object. */
export const ARRAY: Expression = rule(() => arrayOf(VALUE))
export const OBJECT: Expression = rule(() => objectOf(member(STRING, VALUE)))

export function member(key: Expression, value: Expression): Expression {
  return sequence(key, text(':'), SPACE, value)
}

/** What stands in brackets or braces. */
export function enclosed(open: string, content: Expression, close: string): Expression {
  return sequence(text(open), SPACE, content, text(close))
}

function arrayOf(item: Expression): Expression {
  return enclosed('[', optional(sequence(item, repeat(sequence(COMMA, item), 0, Infinity), SPACE)), ']')
}

function objectOf(member: Expression): Expression {
  return enclosed('{', optional(sequence(member, repeat(sequence(COMMA, member), 0, Infinity), SPACE)), '}')
}
