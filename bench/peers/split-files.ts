/** All files of a GGUF, given the first: `…-00001-of-00003.gguf` is the first of three (llama.cpp's gguf-split). */
export function splitFiles(path: string): string[] {
  const [, stem, count] = path.match(/^(.*)-00001-of-(\d{5})\.gguf$/) ?? []
  if (stem === undefined) return [path]
  return Array.from({ length: Number(count) }, (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${count}.gguf`)
}
