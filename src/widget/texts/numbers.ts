/** "1,310" */
export type Count = (count: number) => string

export function counts(language: string): Count {
  const format = new Intl.NumberFormat(language, { maximumFractionDigits: 0 })
  return (count) => format.format(count)
}

/** "42 s", "1 min 12 s" */
export function minutes(ms: number, minute: string, second: string): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  return seconds < 60 ? `${seconds}${second}` : `${Math.floor(seconds / 60)}${minute}${seconds % 60}${second}`
}
