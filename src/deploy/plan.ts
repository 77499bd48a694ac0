import { TILE_ROWS } from '../../assembly/layout.ts'
import type { Kernels } from '../model/kernels.ts'
import type { HeadPlan, HeadRows, LayersPlan, Plan } from '../pipeline/stage-plan.ts'
import { headBands, type ModelShape } from '../pipeline/stage-tensors.ts'
import type { PlanesTensor } from '../weights/manifest.ts'
import { planeFormat, tensorBytes, tileBytes } from '../weights/plane-layout.ts'
import { PlanError } from './errors.ts'
import { MAX_SCRIPTS } from './platform-limits.ts'
import { headMemory, layersMemory, type StageLimits } from './stage-memory.ts'
import { fits, whatFits } from './what-fits.ts'

export interface PlanOptions extends StageLimits {
  /** Wasm memory that a stage may take at most. */
  readonly ceilingBytes: number
}

/**
 * The fewest stages under a ceiling. `sizes`: kernels for their size functions. Throws PlanError where a layer does not fit, and where
 * the context is longer than the model's own.
 */
export function planStages(sizes: Kernels, model: ModelShape & { readonly name: string }, options: PlanOptions): Plan {
  const { maxPositionEmbeddings } = model.config
  if (options.contextLength > maxPositionEmbeddings) {
    throw new PlanError(
      'option_invalid',
      `--context: ${model.name} has positions for ${maxPositionEmbeddings} tokens, not for ${options.contextLength}; ask for fewer`,
    )
  }
  if (!fits(sizes, model, options)) throw new PlanError('stage_too_small', whatFits(sizes, model, options))
  const stages = [...layerStages(sizes, model, options), ...headSlices(sizes, model, options.ceilingBytes)]
  // One more is the router's.
  if (stages.length + 1 > MAX_SCRIPTS) {
    throw new PlanError(
      'too_many_scripts',
      `${stages.length} stages and the router are more than the ${MAX_SCRIPTS} Workers of an account; raise --stage-mib, or pack with fewer --planes`,
    )
  }
  const { contextLength, sessions, chunkLength } = options
  return { name: model.name, contextLength, sessions, chunkLength, stages }
}

/** As many layers in each stage as fit: no other division has fewer stages, since a stage never shrinks when a layer is added. */
function layerStages(sizes: Kernels, model: ModelShape, options: PlanOptions): LayersPlan[] {
  const stages: LayersPlan[] = []
  for (let first = 0; first < model.config.layerCount; ) {
    const stage = (count: number): LayersPlan => ({
      kind: 'layers',
      first,
      count,
      ...layersMemory(sizes, model, first, count, options),
    })
    let largest = stage(1)
    while (first + largest.count < model.config.layerCount) {
      const larger = stage(largest.count + 1)
      if (larger.memoryBytes > options.ceilingBytes) break
      largest = larger
    }
    stages.push(largest)
    first += largest.count
  }
  return stages
}

/** Slices of nearly equal bytes, since a token waits for the largest one: as few as fit. */
function headSlices(sizes: Kernels, model: ModelShape, ceilingBytes: number): HeadPlan[] {
  const memory = (rows: HeadRows) => headMemory(sizes, model, rows)
  for (let count = 1; ; count++) {
    const slices = evenSlices(headBands(model), count)
    if (slices.every((rows) => memory(rows).memoryBytes <= ceilingBytes)) {
      return slices.map((rows) => ({ kind: 'head', ...rows, ...memory(rows) }))
    }
  }
}

/** All rows in at most `count` slices of whole tiles, which share the bytes evenly but for a tile. */
function evenSlices(bands: readonly PlanesTensor[], count: number): HeadRows[] {
  const total = bands.reduce((sum, band) => sum + tensorBytes(band), 0)
  const slices: HeadRows[] = []
  let firstRow = 0
  for (let i = 1; i <= count; i++) {
    const rows = rowAt(bands, (total * i) / count) - firstRow
    // A tile of many planes can be more than an even share.
    if (rows > 0) slices.push({ firstRow, rows })
    firstRow += rows
  }
  return slices
}

/** The row of the tile that has this byte of all bands; the number of rows at their end. */
function rowAt(bands: readonly PlanesTensor[], byte: number): number {
  let [firstRow, left] = [0, byte]
  for (const band of bands) {
    const [rows, cols] = band.shape
    const bytes = tensorBytes(band)
    if (left < bytes) return firstRow + Math.floor(left / tileBytes(cols, planeFormat(band))) * TILE_ROWS
    firstRow += rows
    left -= bytes
  }
  return firstRow
}
