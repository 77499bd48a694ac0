import { nothing } from 'lit'
import { AsyncDirective, directive } from 'lit/async-directive.js'
import type { ElementPart } from 'lit/directive.js'

/** Nearer to the end than this, in px, a reader is at the end. Browsers scroll in fractions of a pixel. */
const AT_END = 3
const UP_KEYS = new Set(['ArrowUp', 'PageUp', 'Home'])

/** Keeps the end of a growing text in sight, until its reader scrolls up by however little. */
export class Follower {
  readonly #changed: (following: boolean) => void
  readonly #sizes = new ResizeObserver(() => this.#settle())
  #element: HTMLElement | undefined
  #following = true
  #lastTop = 0
  /** Whether the text may grow; a finished one that its reader unfolds stays where it is. */
  live = true

  /** @param changed is told when the reader leaves the end, or comes back to it. */
  constructor(changed: (following: boolean) => void = () => {}) {
    this.#changed = changed
  }

  get following(): boolean {
    return this.#following
  }

  /** @param element scrolls, and has one child, which grows */
  attach(element: HTMLElement | undefined): void {
    if (element === this.#element) return
    this.#sizes.disconnect()
    for (const [type, listener] of this.#listeners) this.#element?.removeEventListener(type, listener)
    this.#element = element
    if (element === undefined) return
    for (const [type, listener] of this.#listeners) element.addEventListener(type, listener, { passive: true })
    this.#sizes.observe(element)
    if (element.firstElementChild) this.#sizes.observe(element.firstElementChild)
  }

  toEnd(): void {
    this.#follow(true)
    const element = this.#element
    if (element === undefined) return
    element.scrollTop = element.scrollHeight
    this.#lastTop = element.scrollTop
  }

  #settle(): void {
    if (this.live && this.#following) this.toEnd()
  }

  #scrolled = (): void => {
    const { scrollHeight, scrollTop, clientHeight } = this.#element!
    if (scrollHeight - scrollTop - clientHeight < AT_END) this.#follow(true)
    else if (scrollTop < this.#lastTop) this.#follow(false)
    this.#lastTop = scrollTop
  }

  // Before the scroll event of it: a text that grows in the same frame must not pull the reader back.
  #wheeled = (event: Event): void => {
    if ((event as WheelEvent).deltaY < 0) this.#leave()
  }

  #keyPressed = (event: Event): void => {
    if (event.target === this.#element && UP_KEYS.has((event as KeyboardEvent).key)) this.#leave()
  }

  readonly #listeners = [
    ['scroll', this.#scrolled],
    ['wheel', this.#wheeled],
    ['keydown', this.#keyPressed],
  ] as const

  #leave(): void {
    if (this.#element!.scrollTop > 0) this.#follow(false)
  }

  #follow(following: boolean): void {
    if (following === this.#following) return
    this.#following = following
    this.#changed(following)
  }
}

class FollowEnd extends AsyncDirective {
  readonly #follower = new Follower()
  #element: HTMLElement | undefined

  render(_live: boolean) {
    return nothing
  }

  override update(part: ElementPart, [live]: [boolean]) {
    this.#follower.live = live
    this.#element = part.element as HTMLElement
    this.reconnected()
    return nothing
  }

  protected override disconnected(): void {
    this.#follower.attach(undefined)
  }

  // The child that grows is rendered after the element's own directives.
  protected override reconnected(): void {
    queueMicrotask(() => this.isConnected && this.#follower.attach(this.#element))
  }
}

/** For an element that scrolls: keeps the end of its only child in sight while that grows. */
export const followEnd = directive(FollowEnd)
