import { readSpans } from '../weights/load-tensors.ts'
import type { Manifest } from '../weights/manifest.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import { WeightsError } from '../weights/weights-error.ts'

/** Read every shard, one at a time, and check each sha256; the store has checked the digest of the manifest. Throws WeightsError. */
export async function checkPack(store: WeightStore, { name, digest, tokenizer, tensors }: Manifest): Promise<void> {
  if (digest === undefined) {
    throw new WeightsError(
      'manifest_changed',
      `${name}: the manifest has no digest, so nothing tells whether it was changed; run \`nanbeige-edge pack\` again`,
    )
  }
  const spans = [tokenizer, ...tensors.flatMap((tensor) => tensor.spans)]
  for (const ofShard of Map.groupBy(spans, ({ shard }) => shard).values()) {
    // Spans of the same bytes are read once.
    const different = new Map(ofShard.map((span) => [`${span.offset} ${span.bytes} ${span.sha256}`, span])).values()
    await readSpans(
      store,
      Array.from(different, (span) => ({ span, into: new Uint8Array(span.bytes) })),
    )
  }
}
