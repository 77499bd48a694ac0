import { echo } from '../echo.ts'
import { ApiError } from './errors.ts'
import { type Controls, type Dialect, KEPT_MS, Recording } from './recording.ts'

/** Of all recordings together: some 28,000 tokens, 16 MB of an isolate's 128 at most. */
const MAX_CHARACTERS = 8 * 1024 * 1024
/** Resumable streams of one client that go on at once. */
const MAX_RESUMABLE = 8

interface RecordingOptions {
  readonly client: string
  readonly resumable: boolean
  /** It goes on to its end without a reader. */
  readonly background?: boolean
  readonly dialect: Dialect
}

interface Kept extends Pick<RecordingOptions, 'client' | 'resumable'> {
  readonly recording: Recording
}

/** The streamed completions that go on, and the resumable ones that have ended lately, in the memory of this isolate. */
export class Recordings {
  readonly #kept = new Map<string, Kept>()

  /**
   * Records until the objects end, and keeps the events of a resumable stream for a while. Throws an
   * ApiError of status 429 where the client has too many resumable streams.
   */
  start(
    id: string,
    objects: AsyncIterable<unknown>,
    controls: Controls,
    { client, resumable, background = false, dialect }: RecordingOptions,
  ): Recording {
    if (resumable) this.#admit(client)
    const maxCharacters = () => MAX_CHARACTERS / this.#kept.size
    const recording = new Recording(id, controls, { resumable, background, maxCharacters, dialect })
    this.#kept.set(id, { recording, client, resumable })
    for (const kept of this.#kept.values()) kept.recording.trim()
    const forget = () => this.#kept.delete(id)
    recording.record(objects).then(() => (resumable ? setTimeout(forget, KEPT_MS) : forget()))
    return recording
  }

  find(id: string): Recording | undefined {
    return this.#kept.get(id)?.recording
  }

  /** Throws an ApiError of status 404. */
  get(id: string): Recording {
    const recording = this.find(id)
    if (recording) return recording
    throw new ApiError(
      404,
      'completion_not_found',
      `No stream '${echo(id)}' is going on here, and no resumable one has ended within the last ${KEPT_MS / 1000} seconds.`,
    )
  }

  #admit(client: string): void {
    const going = [...this.#kept.values()].filter(
      (kept) => kept.resumable && kept.client === client && !kept.recording.ended,
    )
    if (going.length < MAX_RESUMABLE) return
    throw new ApiError(
      429,
      'too_many_resumable_streams',
      `${MAX_RESUMABLE} streams or responses of yours go on without a client: cancel one, wait for it, or leave 'x-nanbeige-resumable' and background out.`,
      { headers: { 'Retry-After': `${KEPT_MS / 1000}` } },
    )
  }
}
