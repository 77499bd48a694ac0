import { ApiError } from './errors.ts'
import { KEPT_MS, Recording } from './recording.ts'

/** Of all recordings together: some 28,000 tokens, 16 MB of an isolate's 128 at most. */
const MAX_CHARACTERS = 8 * 1024 * 1024

/** The streamed completions that go on or have ended lately, in the memory of this isolate. */
export class Recordings {
  readonly #kept = new Map<string, Recording>()

  /** Records until the objects end, and keeps the events for a while. `cancel` has to end the objects. */
  start(
    id: string,
    objects: AsyncIterable<unknown>,
    cancel: (reason: ApiError) => void,
    resumable: boolean,
  ): Recording {
    const maxCharacters = () => MAX_CHARACTERS / this.#kept.size
    const recording = new Recording(id, cancel, { resumable, maxCharacters })
    this.#kept.set(id, recording)
    for (const kept of this.#kept.values()) kept.trim()
    recording.record(objects).then(() => setTimeout(() => this.#kept.delete(id), KEPT_MS))
    return recording
  }

  /** Throws an ApiError of status 404. */
  get(id: string): Recording {
    const recording = this.#kept.get(id)
    if (recording) return recording
    throw new ApiError(
      404,
      'completion_not_found',
      `No stream '${id}' is going on here or has ended within the last ${KEPT_MS / 1000} seconds.`,
    )
  }
}
