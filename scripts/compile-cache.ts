import { enableCompileCache } from 'node:module'
import { resolve } from 'node:path'

// wrangler and Miniflare are megabytes of JavaScript. Kept compiled, for this process and those that it starts, they take half a second less.
process.env.NODE_COMPILE_CACHE = resolve('node_modules/.cache/compile')
enableCompileCache(process.env.NODE_COMPILE_CACHE)
