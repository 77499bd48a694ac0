declare module 'parse-prometheus-text-format' {
  /** Of a sample, or of all buckets of a histogram. */
  interface Sample {
    readonly labels?: Readonly<Record<string, string>>
    readonly value?: string
    readonly buckets?: Readonly<Record<string, string>>
    readonly count?: string
  }

  export default function parse(text: string): { readonly name: string; readonly metrics: Sample[] }[]
}
