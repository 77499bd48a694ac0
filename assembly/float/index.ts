// Float kernels of the packer (src/quantize/), for threads over one shared memory: each call writes only what it is given.
export { hadamard } from '../hadamard'
export { rmsNorm } from '../norm'
export { ropeHalf, ropeInterleaved } from '../rope'
export { siluMultiply } from '../activation'
export { attendFloat } from './attention'
export { factorDiagonal, solvePanel } from './cholesky'
export { gemm, gemmScratchBytes } from './gemm'
export { quantizeRows, quantizeScratchBytes } from './quantize-rows'
