// Limits of Cloudflare Workers, paid plan: https://developers.cloudflare.com/workers/platform/limits/ (read 2026-11-24).
// The size of a static asset stands in src/weights/manifest.ts, MAX_SHARD_BYTES.

export const MIB = 2 ** 20

/** Memory of an isolate: JavaScript heap and Wasm memory together. */
export const ISOLATE_BYTES = 128e6
/** What a stage's JavaScript may take of it: 12 MB were measured after prefill of 4096 tokens (`npm run bench:full`). */
export const HEAP_BYTES = 25e6
/**
 * What XGrammar holds in the router from the first answer on that is held to a form, with the 166,144 tokens of Nanbeige and some grammars
 * (test/pipeline/memory.test.ts).
 */
export const XGRAMMAR_BYTES = 17 * MIB
/** Wasm memory past which an isolate has too little room left for JavaScript. */
export const MAX_STAGE_MIB = Math.floor((ISOLATE_BYTES - HEAP_BYTES) / MIB)
/**
 * Seconds without work after which a Durable Object hibernates and its memory is gone:
 * https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/
 */
export const HIBERNATION_SECONDS = 10
/** Worker scripts of an account. */
export const MAX_SCRIPTS = 500
/** Static asset files of one version of a Worker. */
export const MAX_ASSETS = 100_000
/** One variable of a Worker. */
export const MAX_VARIABLE_BYTES = 5000
/** What `limits.cpu_ms` may be raised to, from 30 seconds: the time of one request to an object. */
export const MAX_CPU_MS = 300_000
/** What `limits.subrequests` may be raised to, from 10,000. Every token is one for each stage. */
export const MAX_SUBREQUESTS = 10_000_000
/** Letters of a Worker's name, since it is a label of a domain name too. */
export const MAX_SCRIPT_NAME = 63
