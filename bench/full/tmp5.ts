import { writePipelineScripts, startScripts } from './tmp-scripts.ts'
import { post } from './post.ts'
import { promptOf, decodeSpeed } from './speed.ts'
const s = await writePipelineScripts(2)
const p = await startScripts(s, 'bench')
await post(p, '/load')
await post(p, '/hold', promptOf(127))
for (let i = 0; i < 4; i++) console.log(s.plan.stages.length, 'stages', (1000/await decodeSpeed(p, {index:0})).toFixed(1), 'ms')
await p.stop()
