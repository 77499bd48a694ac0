/** Name of the manifest in a pack. */
export const MANIFEST_FILE = 'manifest.json'

/** A file being read. */
export interface OpenFile {
  /** A byte stream that BYOB readers can read. */
  readonly stream: ReadableStream<Uint8Array>
  /** Position in the file of the first byte of the stream. */
  readonly start: number
}

/** Where a pack lies: static assets or a folder. */
export interface WeightStore {
  /** The manifest as parsed JSON, not yet checked. Throws WeightsError `manifest_missing` or `manifest_invalid`. */
  manifest(): Promise<unknown>
  /**
   * Read a file from `offset` on, for `bytes` bytes at most. A store that cannot seek starts before `offset`; the stream is
   * shorter where the file is, and empty where it ends before `offset`. Throws WeightsError `shard_missing`.
   */
  open(file: string, offset: number, bytes: number): Promise<OpenFile>
}
