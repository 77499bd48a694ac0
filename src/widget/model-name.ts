/** Names that are not a word with a capital. */
const SPELLINGS: Readonly<Record<string, string>> = Object.fromEntries(
  ['SmolLM', 'SmolLM2', 'SmolLM3', 'DeepSeek', 'TinyLlama', 'GLM', 'GPT', 'OLMo', 'OLMo2', 'MiniCPM', 'InternLM'].map(
    (name) => [name.toLowerCase(), name],
  ),
)

/** A model's id as one would say it: 'nanbeige4-3b-thinking' is Nanbeige4 3B Thinking. Capitals that the id has are kept. */
export function modelName(id: string): string {
  const [name] = id
    .split('/')
    .at(-1)!
    .split(/\.gguf$/i)
  return name
    .split(/[-_\s]+/)
    .map(spelled)
    .join(' ')
}

function spelled(word: string): string {
  if (/\p{Lu}/u.test(word)) return word
  // Sizes and experts: 135m, 0.6b, 8x7b, a3b.
  if (/^(\d+x|a)?\d+(\.\d+)?[mbt]$/.test(word)) return word.replace(/[ambt]/g, (letter) => letter.toUpperCase())
  return SPELLINGS[word] ?? word.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase())
}
