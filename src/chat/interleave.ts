/**
 * The values of several generators as they come, each with the index of its generator, of which `atOnce` run at a time. When one throws, or
 * the reader leaves, all are closed: `stop` has to end what they wait for.
 */
export async function* interleave<Value>(
  generators: readonly AsyncGenerator<Value>[],
  atOnce: number,
  stop: () => void,
): AsyncGenerator<readonly [number, Value]> {
  const steps = new Map<number, ReturnType<typeof stepOf<Value>>>()
  let begun = 0
  try {
    for (;;) {
      for (; begun < generators.length && steps.size < atOnce; begun++) {
        steps.set(begun, stepOf(generators[begun], begun))
      }
      if (steps.size === 0) return
      const { index, step } = await Promise.race(steps.values())
      if (step.done) {
        steps.delete(index)
      } else {
        steps.set(index, stepOf(generators[index], index))
        yield [index, step.value]
      }
    }
  } finally {
    stop()
    await Promise.allSettled(generators.map((generator) => generator.return(undefined)))
  }
}

function stepOf<Value>(generator: AsyncGenerator<Value>, index: number) {
  const step = generator.next().then((step) => ({ index, step }))
  // An error is for whoever waits for it; after the first one nobody does.
  step.catch(() => {})
  return step
}
