import { writePipelineScripts, startScripts } from './tmp-scripts.ts'
import { post } from './post.ts'
import { promptOf, seconds } from './speed.ts'
const s = await writePipelineScripts(2)
const p = await startScripts(s, 'bench')
await post(p, '/load')

for (let r = 0; r < 5; r++) {
console.log('stage ms', 1000*await seconds(() => post(p, '/probe-stage', {n: 64})) / 64)
console.log('head slice ms top 64', 1000*await seconds(() => post(p, '/probe-head', {top: 64})) / 20)
}
await p.stop()
