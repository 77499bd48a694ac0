/** What an isolate holds besides Wasm memory. */
export interface HeapUsage {
  /** JavaScript objects, garbage included: V8's used heap and what the runtime keeps for them. */
  readonly heapBytes: number
  /** Contents of ArrayBuffers, which lie outside the heap. */
  readonly bufferBytes: number
}

interface Target {
  readonly id: string
  readonly webSocketDebuggerUrl: string
}

/** Where Miniflare puts the scripts of a user among the inspector's targets; the others are its own. */
const USER_PREFIX = 'core:user:'

/**
 * JavaScript heap of every script of a Miniflare, by its name, through the runtime's inspector (Chrome DevTools Protocol,
 * Runtime.getHeapUsage). `inspector`: what Miniflare.getInspectorURL gives. Wasm memory is in neither number.
 */
export async function heapUsage(inspector: URL): Promise<Map<string, HeapUsage>> {
  const list = await fetch(new URL('/json', `http://${inspector.host}`))
  const targets = ((await list.json()) as Target[]).filter(({ id }) => id.startsWith(USER_PREFIX))
  const usages = await Promise.all(
    targets.map(async (target) => [target.id.slice(USER_PREFIX.length), await askTarget(target)] as const),
  )
  return new Map(usages)
}

async function askTarget({ webSocketDebuggerUrl }: Target): Promise<HeapUsage> {
  const socket = new WebSocket(webSocketDebuggerUrl)
  try {
    return await new Promise((resolve, reject) => {
      socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.getHeapUsage' }))
      socket.onerror = () => reject(new Error(`the inspector at ${webSocketDebuggerUrl} does not answer`))
      socket.onmessage = ({ data }) => {
        const { id, result, error } = JSON.parse(String(data))
        if (id !== 1) return
        if (error) return reject(new Error(`Runtime.getHeapUsage: ${error.message}`))
        const { usedSize, embedderHeapUsedSize, backingStorageSize } = result
        resolve({ heapBytes: usedSize + embedderHeapUsedSize, bufferBytes: backingStorageSize })
      }
    })
  } finally {
    socket.close()
  }
}
