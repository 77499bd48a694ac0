// What a test asks of one stage, past the router.

/** Makes the runtime reset the stage's object, as it does with one that misbehaves. */
export const ABORT_PATH = '/test/abort'
/** Followed by hiddenSize: runs one vector in a session of its own. Answers 200 where the stage had a KV cache for it. */
export const PROBE_PATH = '/test/probe/'
