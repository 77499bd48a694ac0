/** Bytes of one stage. */
export interface StageMemory {
  readonly weightBytes: number
  /** Caches of all sessions. */
  readonly kvBytes: number
  readonly scratchBytes: number
  /** The stage's Wasm memory: all of the above and what the kernels reserve, in whole pages. */
  readonly memoryBytes: number
}

/** `count` consecutive layers from `first` on, with their KV caches. */
export interface LayersPlan extends StageMemory {
  readonly kind: 'layers'
  readonly first: number
  readonly count: number
}

/** `rows` rows of the vocabulary matrix from `firstRow` on: whole tiles, but for the last ones of the vocabulary. */
export interface HeadRows {
  readonly firstRow: number
  readonly rows: number
}

/** A slice of the head. */
export interface HeadPlan extends StageMemory, HeadRows {
  readonly kind: 'head'
}

export type StagePlan = LayersPlan | HeadPlan

/** How a model is spread over Durable Objects. The embedding is in none: its rows are read in pages. */
export interface Plan {
  /** Name of the model. */
  readonly name: string
  /** Tokens that a session can hold. */
  readonly contextLength: number
  /** Sessions whose KV cache a stage holds at once. */
  readonly sessions: number
  /** Tokens run through a stage at once in prefill. */
  readonly chunkLength: number
  /** In the order of the computation: layers, then the slices of the head. */
  readonly stages: readonly StagePlan[]
}
