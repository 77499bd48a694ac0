/** Work of this many ms is done at once; then the page may draw and answer. */
const SLICE_MS = 8

const queue: (() => void)[] = []
let running = false

/** Does a small piece of work when all before it is done, and the page has had time in between. */
export function lazily(work: () => void): void {
  queue.push(work)
  if (running) return
  running = true
  requestAnimationFrame(run)
}

function run(): void {
  const start = performance.now()
  while (queue.length > 0 && performance.now() - start < SLICE_MS) queue.shift()!()
  running = queue.length > 0
  if (running) requestAnimationFrame(run)
}
