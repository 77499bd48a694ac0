import { writePipelineScripts, startScripts } from './tmp-scripts.ts'
import { bundleFullWorker, startFullWorker } from './start.ts'
import { randomPack } from './random-pack.ts'
import { post } from './post.ts'
import { promptOf, decodeSpeed } from './speed.ts'
const s = await writePipelineScripts(2)
const p = await startScripts(s, 'bench')
await post(p, '/load')
await post(p, '/hold', promptOf(127))
const b = await bundleFullWorker()
const e = await startFullWorker(b, await randomPack(2))
await post(e, '/load')
await post(e, '/touch-cache')
for (let i = 0; i < 5; i++) { console.log('one isolate', (1000/await decodeSpeed(e, {context:128})).toFixed(1), s.plan.stages.length, 'stages', (1000/await decodeSpeed(p, {index:0})).toFixed(1), 'ms') }
await p.stop(); await e.stop(); await b.remove()
