// Everything that the Worker serves or imports: dist/kernels.*.wasm, dist/xgrammar.*, and dist/assets with the widget, the reference of the API and the weights.
import { cpSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { buildGrammar } from './build-grammar.ts'
import { buildKernels } from './build-kernels.ts'
import { buildReference } from './build-reference.ts'
import { buildWidget } from './build-widget.ts'

await Promise.all([buildKernels(), buildGrammar(), buildWidget().then(buildReference)])

rmSync('dist/assets/weights', { recursive: true, force: true })
for (const pack of readdirSync('weights', { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
  const target = `dist/assets/weights/${pack.name}`
  mkdirSync(target, { recursive: true })
  // Files only: a calibration under way keeps its results in a folder.
  for (const { name } of readdirSync(`weights/${pack.name}`, { withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )) {
    place(`weights/${pack.name}/${name}`, `${target}/${name}`)
  }
}

/** A hard link costs no space; a copy where the file system has none. */
function place(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    cpSync(from, to)
  }
}
