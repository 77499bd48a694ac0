import { getLlama, getModuleVersion, type LlamaContextSequence, LlamaLogLevel } from 'node-llama-cpp'

/** Native llama.cpp with one sequence: otherwise as it comes (f16 KV cache). */
export interface LlamaEngine {
  readonly version: string
  readonly sequence: LlamaContextSequence
  dispose(): Promise<void>
}

/** Loads a GGUF into the prebuilt CPU binary of node-llama-cpp; `contextSize` is both its context and its batch, in tokens. */
export async function openLlama(modelPath: string, contextSize: number, threads = 1): Promise<LlamaEngine> {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    maxThreads: threads,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
  })
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 })
  const context = await model.createContext({ contextSize, batchSize: contextSize, threads })
  return {
    version: `node-llama-cpp ${await getModuleVersion()}, llama.cpp ${llama.llamaCppRelease.release}`,
    sequence: context.getSequence(),
    dispose: () => llama.dispose(),
  }
}
