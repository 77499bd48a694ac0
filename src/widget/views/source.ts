import { html, nothing } from 'lit'
import { tokensOf } from '../growing.ts'
import type { Texts } from '../texts.ts'
import type { AssistantTurn, Move, Source } from '../turns.ts'
import { isUnderWay, meanSpeed, speedNow, thinkingTime, timeInWords, totalTime } from './spans.ts'
import type { View } from './view.ts'

/** Who computes an answer: a chip while it comes, then how much was made where, with details for who opens them. */
export function source(turn: AssistantTurn, view: View) {
  return isUnderWay(turn) ? chip(turn, view) : facts(turn, view)
}

function chip(turn: AssistantTurn, { texts, now }: View) {
  if (turn.moving) {
    return html`<span class="chip moving" part="source"><span class="dot origin"></span>${texts.movingTo(texts.gpu)}</span>`
  }
  if (turn.source === undefined) return nothing
  const perSecond = speedNow(turn, now)
  return html`
    <span class="chip" part="source">
      <span class="dot ${turn.source}"></span>${nameOf(turn.source, texts)}${perSecond === undefined ? '' : ` · ${texts.speed(perSecond)}`}
    </span>
  `
}

function facts(turn: AssistantTurn, view: View) {
  const { texts, now, reader } = view
  const tokens = tokensOf(turn)
  if (tokens === 0) return nothing
  const { usage } = turn
  const perSecond = meanSpeed(turn, now)
  const line = [
    usage ? texts.made(usage.edgeTokens, usage.originTokens) : texts.tokens(tokens),
    timeInWords(totalTime(turn, now), texts),
    ...(perSecond === undefined ? [] : [texts.speed(perSecond)]),
  ]
  const open = reader.isOpen(turn.id, 'facts') ?? false
  const toggled = ({ target }: Event) => reader.setOpen(turn.id, 'facts', (target as HTMLDetailsElement).open)
  return html`
    <details class="facts" part="facts" ?open=${open} @toggle=${toggled}>
      <summary>${usage ? dots(usage) : nothing}${breakable(line)}</summary>
      ${open ? details(turn, view) : nothing}
    </details>
  `
}

function dots({ edgeTokens, originTokens }: NonNullable<AssistantTurn['usage']>) {
  return html`${edgeTokens > 0 ? html`<span class="dot edge"></span>` : nothing}${originTokens > 0 ? html`<span class="dot origin"></span>` : nothing}`
}

function details(turn: AssistantTurn, { texts, now }: View) {
  const { usage } = turn
  const words = texts.details
  const rows: [string, string][] = []
  if (usage && usage.edgeTokens > 0) rows.push([words.edge, texts.tokens(usage.edgeTokens)])
  if (usage && usage.originTokens > 0) rows.push([words.gpu, texts.tokens(usage.originTokens)])
  if (turn.began?.reason !== undefined && turn.moves.length === 0) {
    rows.push([words.why, inWords(turn.began.reason, texts)])
  }
  for (const move of turn.moves)
    rows.push([words.moved(placeOf(move, texts), move.tokens), inWords(move.reason, texts)])
  if (turn.reasoning !== '') {
    rows.push([words.thought, `${texts.duration(thinkingTime(turn, now))} · ${texts.tokens(turn.reasoningTokens)}`])
  }
  if (usage && usage.cachedTokens > 0) rows.push([words.cached, texts.tokens(usage.cachedTokens)])
  return html`<dl>${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

function inWords(reason: string | undefined, texts: Texts): string {
  return reason === undefined ? '' : (texts.reasons[reason] ?? reason)
}

function placeOf({ to, origin }: Move, texts: Texts): string {
  return origin ? `${nameOf(to, texts)} ${origin}` : nameOf(to, texts)
}

function nameOf(source: Source, texts: Texts): string {
  return source === 'edge' ? texts.edge : texts.gpu
}

/** Facts in a line that breaks between them only. */
function breakable(facts: readonly string[]) {
  return facts.map((fact, index) => html`${index > 0 ? ' · ' : nothing}<span class="fact">${fact}</span>`)
}
