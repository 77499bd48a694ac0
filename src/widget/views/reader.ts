import type { ReactiveController, ReactiveControllerHost } from 'lit'
import { copyText } from './copy-text.ts'

/** How long a button says that it has copied, or has not, in ms. */
const COPIED_MS = 1600

interface Copied {
  readonly id: string
  readonly done: boolean
}

/** What a reader has done to turns that the conversation need not know: opened, folded, copied, begun to edit. */
export class Reader implements ReactiveController {
  readonly #host: ReactiveControllerHost
  readonly #open = new Map<string, boolean>()
  readonly #versions = new Map<string, number>()
  #editing: string | undefined
  #copied: Copied | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(host: ReactiveControllerHost) {
    this.#host = host
    host.addController(this)
  }

  hostDisconnected(): void {
    clearTimeout(this.#timer)
    this.#copied = undefined
  }

  /** A number that changes with everything that this knows of a turn. */
  version(id: string): number {
    return this.#versions.get(id) ?? 0
  }

  /** Undefined: the reader has said nothing. */
  isOpen(id: string, thing: string): boolean | undefined {
    return this.#open.get(`${thing} ${id}`)
  }

  setOpen(id: string, thing: string, open: boolean): void {
    if (this.isOpen(id, thing) === open) return
    this.#open.set(`${thing} ${id}`, open)
    this.#changed(id)
  }

  isEditing(id: string): boolean {
    return this.#editing === id
  }

  edit(id: string | undefined): void {
    const before = this.#editing
    this.#editing = id
    if (before !== undefined) this.#changed(before)
    if (id !== undefined) this.#changed(id)
  }

  /** What came of the copying that was asked for just now; undefined: none was. */
  copied(id: string): 'done' | 'failed' | undefined {
    if (this.#copied?.id !== id) return undefined
    return this.#copied.done ? 'done' : 'failed'
  }

  async copy(id: string, text: string): Promise<void> {
    const done = await copyText(text).then(
      () => true,
      () => false,
    )
    clearTimeout(this.#timer)
    this.#showCopied({ id, done })
    this.#timer = setTimeout(() => this.#showCopied(undefined), COPIED_MS)
  }

  #showCopied(copied: Copied | undefined): void {
    const before = this.#copied
    this.#copied = copied
    if (before) this.#changed(before.id)
    if (copied) this.#changed(copied.id)
  }

  #changed(id: string): void {
    this.#versions.set(id, this.version(id) + 1)
    this.#host.requestUpdate()
  }
}
