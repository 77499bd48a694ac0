import type { Pointer } from '../model/kernels.ts'

/** Calls that threads make: the exports of assembly/float/index.ts, where shapes and layouts stand. Arguments in order, without scratch. */
export interface FloatKernels {
  attendFloat(
    out: Pointer,
    q: Pointer,
    k: Pointer,
    v: Pointer,
    count: number,
    heads: number,
    kvHeads: number,
    headDim: number,
  ): void
  factorDiagonal(a: Pointer, stride: number, size: number): number
  gemm(
    c: Pointer,
    cStride: number,
    a: Pointer,
    aRow: number,
    aCol: number,
    b: Pointer,
    bRow: number,
    bCol: number,
    m: number,
    n: number,
    k: number,
    factor: number,
    accumulate: boolean,
  ): void
  hadamard(x: Pointer, size: number, block: number): void
  quantizeRows(
    w: Pointer,
    q: Pointer,
    scales: Pointer,
    rowScales: Pointer,
    u: Pointer,
    d: Pointer,
    h: Pointer,
    rows: number,
    cols: number,
    planes: number,
    groupSize: number,
    parts: number,
  ): number
  rmsNorm(out: Pointer, x: Pointer, weight: Pointer, size: number, columns: number, eps: number): void
  ropeHalf(x: Pointer, cos: Pointer, sin: Pointer, heads: number, headDim: number): void
  ropeInterleaved(x: Pointer, cos: Pointer, sin: Pointer, heads: number, headDim: number): void
  siluMultiply(gate: Pointer, up: Pointer, size: number): void
  solvePanel(a: Pointer, l: Pointer, stride: number, rows: number, size: number): void
  solveRows(b: Pointer, u: Pointer, d: Pointer, rows: number, cols: number): void
}

/** Kernels that take scratch as their last argument: each thread adds its own. */
export const NEEDS_SCRATCH: ReadonlySet<keyof FloatKernels> = new Set([
  'attendFloat',
  'gemm',
  'quantizeRows',
  'solveRows',
])

/** One call of a kernel. */
export type FloatCall = {
  [Name in keyof FloatKernels]: readonly [Name, ...Parameters<FloatKernels[Name]>]
}[keyof FloatKernels]

/** What is done by one thread, in order. */
export type FloatJob = readonly FloatCall[]
