import { SingleBar } from 'cli-progress'

/** Show how far some work is and how long it still takes, on a terminal. */
export async function withBar<T>(
  what: string,
  work: (progress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const bar = new SingleBar({
    format: `${what} {bar} {percentage} % | {eta_formatted} left`,
    hideCursor: true,
    // Nothing on a pipe or in a log.
    noTTYOutput: false,
  })
  bar.start(1, 0)
  try {
    return await work((done, total) => {
      bar.setTotal(total)
      bar.update(done)
    })
  } finally {
    bar.stop()
  }
}
