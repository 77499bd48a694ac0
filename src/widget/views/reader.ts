import type { ReactiveController, ReactiveControllerHost } from 'lit'
import { copyText } from './copy-text.ts'

/** How long a button says that it has copied, in ms. */
const COPIED_MS = 1600

/** What a reader has done to turns that the conversation need not know: opened, folded, copied, begun to edit. */
export class Reader implements ReactiveController {
  readonly #host: ReactiveControllerHost
  readonly #open = new Map<string, boolean>()
  readonly #versions = new Map<string, number>()
  #editing: string | undefined
  #copied: string | undefined
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

  hasCopied(id: string): boolean {
    return this.#copied === id
  }

  async copy(id: string, text: string): Promise<void> {
    const copied = await copyText(text).then(
      () => true,
      () => false,
    )
    if (!copied) return
    clearTimeout(this.#timer)
    this.#showCopied(id)
    this.#timer = setTimeout(() => this.#showCopied(undefined), COPIED_MS)
  }

  #showCopied(id: string | undefined): void {
    const before = this.#copied
    this.#copied = id
    if (before !== undefined) this.#changed(before)
    if (id !== undefined) this.#changed(id)
  }

  #changed(id: string): void {
    this.#versions.set(id, this.version(id) + 1)
    this.#host.requestUpdate()
  }
}
