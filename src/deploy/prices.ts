// What computing costs, in US dollars, as listed on the dates given. Free and included amounts are left out.

export interface GpuPrice {
  readonly name: string
  readonly dollarsPerHour: number
  /** Bandwidth of its memory, GB/s: NVIDIA's data sheet. */
  readonly gigabytesPerSecond: number
  readonly source: string
}

export const prices = {
  readOn: '2026-11-24',

  /** https://developers.cloudflare.com/workers/platform/pricing/ */
  workers: {
    dollarsPerMillionRequests: 0.3,
    dollarsPerMillionCpuMs: 0.02,
  },

  /** https://developers.cloudflare.com/durable-objects/platform/pricing */
  durableObjects: {
    dollarsPerMillionRequests: 0.15,
    dollarsPerMillionGigabyteSeconds: 12.5,
    /** Billed by wall clock while the object handles a request, whatever memory it uses: 128 MB of 1 GB. */
    gigabytes: 0.128,
  },

  /** On demand and billed by the second: modal.com/pricing, as quoted on 2026-05-07 by */
  gpus: [
    {
      name: 'NVIDIA L4, 24 GB',
      dollarsPerHour: 0.7992,
      gigabytesPerSecond: 300,
      source: 'https://techbytes.app/posts/serverless-gpu-pricing-matrix-modal-replicate-lambda-2026/',
    },
    {
      name: 'NVIDIA H100, 80 GB',
      dollarsPerHour: 3.9492,
      gigabytesPerSecond: 3350,
      source: 'https://techbytes.app/posts/serverless-gpu-pricing-matrix-modal-replicate-lambda-2026/',
    },
  ] satisfies GpuPrice[],
} as const

/**
 * How fast a GPU decodes, an assumption: one request reads every bf16 weight once a token at 0.77 of the memory's bandwidth, and 8
 * requests at once make 6.6 times the tokens. Both measured with vLLM 0.23.0, Llama 3.1 8B, A100:
 * https://johnmusgrave.com/p/vllm-throughput-latency-sweep-on
 */
export const gpuDecoding = { shareOfBandwidth: 0.77, requestsAtOnce: 8, gainOfRequestsAtOnce: 6.6 } as const
