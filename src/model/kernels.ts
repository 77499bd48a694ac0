/** A byte address in Wasm memory. */
export type Pointer = number

/** The exports of assembly/index.ts: shapes, layouts and units stand there. */
export interface Kernels {
  /** Whether attention adds four products of bytes in one instruction, 0 or 1: what suits the processor, found out at the start. */
  readonly fused: WebAssembly.Global
  tableBytes(size: number, columns: number, groupSize: number): number
  buildTables(tables: Pointer, x: Pointer, size: number, columns: number, groupSize: number, entryMax: number): void
  matmul(
    y: Pointer,
    w: Pointer,
    tables: Pointer,
    rows: number,
    cols: number,
    columns: number,
    yStride: number,
    planes: number,
    groupSize: number,
    centre: number,
    hasMin: boolean,
    stepped: boolean,
  ): void
  embeddingRow(
    out: Pointer,
    w: Pointer,
    row: number,
    cols: number,
    planes: number,
    groupSize: number,
    zeroPoint: number,
    hasMin: boolean,
    stepped: boolean,
  ): void
  rmsNorm(out: Pointer, x: Pointer, weight: Pointer, size: number, columns: number, eps: number): void
  ropeHalf(x: Pointer, cos: Pointer, sin: Pointer, heads: number, headDim: number): void
  ropeInterleaved(x: Pointer, cos: Pointer, sin: Pointer, heads: number, headDim: number): void
  siluMultiply(gate: Pointer, up: Pointer, size: number): void
  hadamard(x: Pointer, size: number, block: number): void
  keyBytes(kvHeads: number, capacity: number, headDim: number): number
  valueBytes(kvHeads: number, capacity: number, headDim: number): number
  storeKey(keys: Pointer, x: Pointer, position: number, kvHeads: number, capacity: number, headDim: number): void
  storeValue(values: Pointer, x: Pointer, position: number, kvHeads: number, capacity: number, headDim: number): void
  attendScratchBytes(tokens: number, headDim: number, queries: number): number
  attend(
    out: Pointer,
    q: Pointer,
    keys: Pointer,
    values: Pointer,
    scratch: Pointer,
    position: number,
    tokens: number,
    heads: number,
    kvHeads: number,
    capacity: number,
    headDim: number,
  ): void
  maskLogits(logits: Pointer, bits: Pointer, size: number): void
  maxLogit(logits: Pointer, size: number): number
  sumExp(logits: Pointer, size: number, top: number, factor: number): number
  selectTop(ids: Pointer, values: Pointer, logits: Pointer, size: number, k: number): void
}

/** The two builds of assembly/. */
export interface KernelModules {
  readonly relaxed: WebAssembly.Module
  readonly plain: WebAssembly.Module
}

// (module (func (result v128) (i8x16.relaxed_swizzle (i32x4.splat (i32.const 0)) (i32x4.splat (i32.const 0)))))
const relaxedProbe = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  15,
  1,
  13,
  0,
  65,
  0,
  253,
  17,
  65,
  0,
  253,
  17,
  253,
  128,
  2,
  11,
)

/** Whether this runtime has relaxed SIMD (https://github.com/WebAssembly/relaxed-simd). */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(relaxedProbe)
}

/** Kernels over a memory, in the fastest build that the runtime can run. */
export async function instantiateKernels(
  modules: KernelModules,
  memory: WebAssembly.Memory,
  build: keyof KernelModules = hasRelaxedSimd() ? 'relaxed' : 'plain',
): Promise<Kernels> {
  const instance = await WebAssembly.instantiate(modules[build], { env: { memory } })
  return instance.exports as unknown as Kernels
}
