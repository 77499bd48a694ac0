const memories: WebAssembly.Memory[] = []

// The model does not show its memory; what an isolate holds is all that was ever made in it.
WebAssembly.Memory = class extends WebAssembly.Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super(descriptor)
    memories.push(this)
  }
}

/** Bytes of all Wasm memories of this isolate. */
export function createdMemories(): number {
  return memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)
}
