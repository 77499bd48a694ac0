import { html, nothing } from 'lit'
import { againIcon, copyIcon, deleteIcon, doneIcon, editIcon, nextIcon, previousIcon } from '../icons.ts'
import type { ShownTurn } from '../turns.ts'
import type { View } from './view.ts'

/** What can be done with a turn, and which of its versions is shown. */
export function turnBar({ turn, branch, branches }: ShownTurn, { texts, actions, reader }: View) {
  const { id, role } = turn
  const copied = reader.copied(id)
  return html`
    <div class="turn-bar" part="turn-bar">
      ${branches > 1 ? versions(id, branch, branches) : nothing}
      ${copied === 'failed' ? html`<span class="not-copied" role="status">${texts.notCopied}</span>` : nothing}
      ${turn.content === '' ? nothing : button(copied === 'done' ? texts.copied : texts.copy, copied === 'done' ? doneIcon : copyIcon, () => void reader.copy(id, turn.content))}
      ${role === 'user' ? button(texts.edit, editIcon, () => reader.edit(id)) : button(texts.regenerate, againIcon, () => actions.regenerate(id))}
      ${button(texts.delete, deleteIcon, () => actions.remove(id))}
    </div>
  `

  function versions(id: string, index: number, count: number) {
    return html`
      <span class="versions">
        ${button(texts.previousBranch, previousIcon, () => actions.switchBranch(id, index - 1), index === 0)}
        <span class="version">${texts.branch(index + 1, count)}</span>
        ${button(texts.nextBranch, nextIcon, () => actions.switchBranch(id, index + 1), index === count - 1)}
      </span>
    `
  }
}

function button(name: string, icon: unknown, act: () => void, disabled = false) {
  return html`<button class="icon" aria-label=${name} title=${name} ?disabled=${disabled} @click=${act}>${icon}</button>`
}
