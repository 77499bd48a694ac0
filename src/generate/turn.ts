/**
 * How many turns of the event loop make one turn for everybody. In workerd (1.20261117) a new request takes several turns to get
 * through: with a computation of 20 ms after each single turn a small one waits for one or two more of them, with 4 turns for none
 * (1 of 12 for one; 2 and 3 turns are between, more bring nothing). A hang-up is noticed after two, however many turns there are.
 */
const LOOP_TURNS = 4

// Node's setTimeout(0) takes 1 ms, setImmediate 0.01 ms; workerd has setImmediate under nodejs_compat only, and there both
// take 0.01 ms. Not MessageChannel: workerd (1.20261117) runs its messages before nearly all input and output; of 12 computations that
// took turns by it each went on to its end, its client long gone.
const nextTurn: (done: () => void) => void = globalThis.setImmediate ?? ((done) => setTimeout(done, 0))

/** Lets everything else that is due in this isolate happen: flushing streams, noticing clients that hang up, other requests. */
export async function turn(): Promise<void> {
  for (let i = 0; i < LOOP_TURNS; i++) await loopTurn()
}

/** Lets leave what was written until now, and no more: workerd passes nothing on before JavaScript has done all that it can do. */
export function loopTurn(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve))
}
