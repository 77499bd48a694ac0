/**
 * How many turns of the event loop make one turn for everybody. In workerd a byte to a client, a new request or a
 * hang-up takes several turns to get through; with a computation of 20 ms after each single turn a small request
 * waits two computations and a hang-up is noticed after three, with 4 turns one and one (more bring nothing).
 */
const LOOP_TURNS = 4

// Node's setTimeout(0) takes 1 ms, setImmediate 0.01 ms; workerd has setImmediate under nodejs_compat only, and there both
// take 0.01 ms. Not MessageChannel: workerd runs its messages before all input and output, so nothing else gets a turn.
const nextTurn: (done: () => void) => void = globalThis.setImmediate ?? ((done) => setTimeout(done, 0))

/** Lets everything else that is due in this isolate happen: flushing streams, noticing clients that hang up, other requests. */
export async function turn(): Promise<void> {
  for (let i = 0; i < LOOP_TURNS; i++) await loopTurn()
}

/** Lets leave what was written until now, and no more: workerd passes nothing on before JavaScript has done all that it can do. */
export function loopTurn(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve))
}
