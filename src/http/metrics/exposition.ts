// Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/. prom-client wants a cluster, files and V8's heap,
// and has 66 kB, of which the isolate that holds the model would use these lines.

export type Labels = Readonly<Record<string, string>>

/** What stands under one name. */
export interface Metric {
  /** Its lines, without a line break at the end. */
  text(): string
}

/** What only grows, by its labels. */
export class Counter implements Metric {
  readonly #name: string
  readonly #help: string
  readonly #values = new Map<string, number>()

  constructor(name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  add(labels: Labels = {}, amount = 1): void {
    const key = labelText(labels)
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount)
  }

  text(): string {
    const samples = Array.from(this.#values, ([labels, value]) => `${this.#name}${labels} ${value}`)
    return [...head(this.#name, 'counter', this.#help), ...samples].join('\n')
  }
}

/** How often something took how long. */
export class Histogram implements Metric {
  readonly #name: string
  readonly #help: string
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  /** @param bounds upper ones, rising */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name
    this.#help = help
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    const bucket = this.#bounds.findIndex((bound) => value <= bound)
    if (bucket >= 0) this.#counts[bucket]++
    this.#sum += value
    this.#count++
  }

  text(): string {
    let below = 0
    const buckets = this.#bounds.map((bound, index) => {
      below += this.#counts[index]
      return `${this.#name}_bucket{le="${bound}"} ${below}`
    })
    return [
      ...head(this.#name, 'histogram', this.#help),
      ...buckets,
      `${this.#name}_bucket{le="+Inf"} ${this.#count}`,
      `${this.#name}_sum ${this.#sum}`,
      `${this.#name}_count ${this.#count}`,
    ].join('\n')
  }
}

/** What is so now, by labels. @param type `counter` for what others count */
export function reading(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  values: readonly [Labels, number][],
): Metric {
  return {
    text: () =>
      [...head(name, type, help), ...values.map(([labels, value]) => `${name}${labelText(labels)} ${value}`)].join(
        '\n',
      ),
  }
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
