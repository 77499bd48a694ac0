/** A measurement, shown as it is made; the table comes at the end, on standard output. */
export function progress(what: string, value: number, unit: string): void {
  process.stderr.write(`${what}: ${value.toFixed(2)} ${unit}\n`)
}
