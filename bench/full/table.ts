/** Columns of the table, in order. */
export const columns = [
  'engine',
  'GB a token',
  'decode at 128',
  'decode at 2048',
  'decode at 8192',
  'decode at 16384',
  'prefill',
  'prefill ÷ decode',
  'cold start, s',
  'Wasm MB',
  'heap MB',
  'read GB/s',
  'share of read',
  'overhead a token',
] as const

export type Row = { readonly engine: string } & { readonly [column in (typeof columns)[number]]?: string | undefined }

/** A Markdown table; what a row does not have is a dash. */
export function markdownTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => row[column] ?? '–'))
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...cells.map(line)].join('\n')
}
