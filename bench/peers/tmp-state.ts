import { measureDepths } from '/work/main/bench/peers/native-depths.ts'
console.log(await measureDepths('/tmp/nanbeige-edge-full-size/nanbeige4-3b-random-Q4_0-00001-of-00003.gguf', [2048, 8192], '/tmp/nanbeige-edge-full-size/native-8192-tokens.state'))
