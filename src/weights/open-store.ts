import { type AssetFetcher, assetsStore } from './assets-store.ts'
import type { WeightStore } from './weight-store.ts'

/** The bindings of a Worker that hold weights. */
export interface WeightBindings {
  readonly ASSETS: AssetFetcher
}

/** Where a Worker finds the pack of a model: below `weights/`, where the build, `deploy` and `serve` put it. */
export function openStore({ ASSETS }: WeightBindings, model: string): WeightStore {
  return assetsStore(ASSETS, `/weights/${model}`)
}
