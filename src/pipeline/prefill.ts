/**
 * Run chunks through stages so that all stages work at once: a stage takes chunk i when it has done chunk i - 1 and the stage before it has
 * done chunk i. At most one chunk more than there are stages is under way, which bounds the memory for hidden vectors.
 * Resolves to what the last stage made of the last chunk, or to undefined when the signal aborts; either way, and after an error too, the
 * calls under way have ended.
 */
export async function prefill<Chunk, Hidden>(
  stages: number,
  chunks: readonly Chunk[],
  embed: (chunk: Chunk) => Promise<Hidden>,
  run: (stage: number, chunk: Chunk, hidden: Hidden) => Promise<Hidden>,
  signal: AbortSignal,
): Promise<Hidden | undefined> {
  const idle: Promise<unknown>[] = Array.from({ length: stages }, () => Promise.resolve())
  const underWay: Promise<Hidden>[] = []
  let failure: { readonly error: unknown } | undefined
  try {
    for (const chunk of chunks) {
      if (underWay.length > stages) await underWay.shift()
      if (signal.aborted) return undefined
      let hidden = embed(chunk)
      for (let stage = 0; stage < stages; stage++) {
        const [before, input] = [idle[stage], hidden]
        hidden = input.then(async (vectors) => {
          await before
          // Nothing more after an error, since it is all computed anew, or for nobody.
          if (failure) throw failure.error
          signal.throwIfAborted()
          return run(stage, chunk, vectors)
        })
        idle[stage] = hidden.catch((error) => {
          failure ??= { error }
        })
      }
      underWay.push(hidden)
    }
    const results = await Promise.all(underWay)
    return signal.aborted ? undefined : results.at(-1)
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    await Promise.allSettled(underWay)
  }
}
