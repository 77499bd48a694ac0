import { FakeModel } from '../../support/fake-model.ts'

const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'

/** Thinks; calls the tool where there is one, and says then what the tool said. Its prompts have no control tokens. */
export function weatherModel(): FakeModel {
  return new FakeModel((prompt) => {
    const said = prompt.match(/\ntool\n(.*)\n/)
    if (said) return `<think>\nHm.\n</think>\n\nIt is ${said[1]}.`
    return prompt.startsWith('tools\n') ? `<think>\nHm.\n</think>\n\n${CALL}` : '<think>\nHm.\n</think>\n\nHello there!'
  })
}
