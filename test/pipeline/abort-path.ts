/** Path of a stage that makes the runtime reset its object, as it does with one that misbehaves. */
export const ABORT_PATH = '/test/abort'
