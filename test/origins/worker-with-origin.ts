import { type RunningWorker, startWorker } from '../../src/serve/start-worker.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { smolLm2Tables } from '../support/smollm2-tokenizer-tables.ts'
import { type FakeOrigin, type FakeOriginOptions, startFakeOrigin } from './fake-origin.ts'

export interface WorkerWithOrigin extends RunningWorker {
  readonly origin: FakeOrigin
}

type Behaviour = Pick<FakeOriginOptions, 'next' | 'beforeToken'>

/** The Worker in workerd with the embedded model, and one origin that speaks the model's tokens as it is told to. */
export async function startWorkerWithOrigin(
  behaviour: (tokenizer: Tokenizer, origin: () => FakeOrigin) => Behaviour,
): Promise<WorkerWithOrigin> {
  const tokenizer = loadTokenizer(smolLm2Tables()!)
  const origin: FakeOrigin = await startFakeOrigin({
    kind: 'vllm',
    model: 'm',
    tokenizer,
    eosId: END_OF_TURN,
    ...behaviour(tokenizer, () => origin),
  })
  const origins = [{ name: 'scripted', kind: 'vllm', url: origin.url, model: 'm' }]
  const worker = await startWorker({ port: 0, silent: true, vars: { ORIGINS: JSON.stringify(origins) } })
  return {
    url: worker.url,
    origin,
    async stop() {
      await worker.stop()
      await origin.stop()
    },
  }
}

/** Of the embedded model: <|im_end|>. */
export const END_OF_TURN = 2
