import type { RouteEvent } from '../chat/events.ts'

type SourceEvent = Extract<RouteEvent, { type: 'source' }>
export type NoticeEvent = Exclude<RouteEvent, SourceEvent>

/** What an object of a stream has to say of where its tokens and those of the objects behind it come from. */
export class SourceFields {
  readonly #told = new Map<number, SourceEvent>()

  /** The next object of the answer says it. */
  hold(answer: number, event: SourceEvent): void {
    this.#told.set(answer, event)
  }

  /** The fields of an object of the answer. */
  take(answer: number) {
    const event = this.#told.get(answer)
    this.#told.delete(answer)
    return event ? { nanbeige: sourceObject(event) } : {}
  }
}

function sourceObject({ source, origin, reason, edgeTokens }: SourceEvent) {
  return { source, ...(origin !== undefined && { origin }), reason, edge_tokens: edgeTokens }
}

/** The fields of an object that says nothing else. */
export function noticeFields({ type, ...fields }: NoticeEvent, answer: number) {
  return { nanbeige: { event: type, index: answer, ...fields } }
}
