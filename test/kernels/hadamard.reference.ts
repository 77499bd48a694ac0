/** H x for every block of x, H[i][j] = (-1)^(bits that i and j share) / sqrt(block) (Sylvester's Hadamard matrix), in double precision. */
export function hadamard(x: ArrayLike<number>, block: number): Float64Array {
  return Float64Array.from(x, (_, at) => {
    const first = at - (at % block)
    let sum = 0
    for (let j = 0; j < block; j++) sum += bits((at - first) & j) % 2 === 0 ? x[first + j] : -x[first + j]
    return sum / Math.sqrt(block)
  })
}

const bits = (value: number): number => (value === 0 ? 0 : (value & 1) + bits(value >> 1))
