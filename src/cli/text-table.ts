/** Rows of cells as aligned lines: the first `textColumns` columns are texts, the others numbers, set flush right. */
export function textTable(rows: readonly (readonly string[])[], textColumns: number): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (column < textColumns ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  )
}
