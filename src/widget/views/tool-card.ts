import { html, nothing } from 'lit'
import { toolIcon } from '../icons.ts'
import type { Decision } from '../tools.ts'
import type { AssistantTurn, ToolCall } from '../turns.ts'
import { timeInWords } from './spans.ts'
import type { View } from './view.ts'

/** A call of a tool: what is asked of it, whether it may, what came back. */
export function toolCard(turn: AssistantTurn, call: ToolCall, view: View) {
  const { texts, reader } = view
  const asking = call.state === 'asking'
  const thing = `tool ${call.id}`
  const open = reader.isOpen(turn.id, thing) ?? asking
  const toggled = ({ target }: Event) => {
    const details = target as HTMLDetailsElement
    if (details.open !== open) reader.setOpen(turn.id, thing, details.open)
  }
  const time = call.ms === undefined ? '' : ` · ${timeInWords(call.ms, texts)}`
  return html`
    <div class="tool ${call.state}" part="tool-card">
      <details ?open=${open} @toggle=${toggled}>
        <summary>
          ${toolIcon}<code>${call.name}</code>
          <span class="tool-state">${texts.toolStates[call.state]}${time}</span>
        </summary>
        ${open ? contents(call, view) : nothing}
      </details>
      ${asking ? decisions(turn, call, view) : nothing}
    </div>
  `
}

function contents(call: ToolCall, { texts }: View) {
  return html`
    <div class="tool-contents">
      ${call.arguments.trim() ? json(texts.arguments, call.arguments) : nothing}
      ${call.result === undefined ? nothing : json(texts.result, call.result)}
    </div>
  `
}

function json(title: string, text: string) {
  return html`<h4>${title}</h4><pre tabindex="0" aria-label=${title}>${indented(text)}</pre>`
}

function decisions(turn: AssistantTurn, call: ToolCall, { texts, actions }: View) {
  const button = (decision: Decision, text: string) =>
    html`<button class="quiet" @click=${() => actions.decide(turn.id, call.id, decision)}>${text}</button>`
  return html`
    <div class="tool-decisions">
      ${button('once', texts.allowOnce)} ${button('always', texts.allowAlways)} ${button('refuse', texts.refuse)}
    </div>
  `
}

/** JSON on several lines; half of it, and what is none, as it stands. */
function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
