/** So many characters are 10,000 tokens of English. */
const CHARACTERS = 45_000

const SENTENCE = 'The quick **brown** fox jumps over the `lazy` dog, and *it* rests for a while near the river. '

const RICH = [
  '## A section of the answer\n\n',
  SENTENCE.repeat(3),
  '\n\n1. First, the formula $x^2 + y_1 = \\frac{a}{b}$ is read\n2. Then it is solved:\n   - by hand\n   - by **machine**\n\n',
  '$$\n\\sum_{i=1}^{n} \\sqrt{x_i} = \\int_0^1 f(t)\\,dt\n$$\n\n',
  `\`\`\`python\n${'def solve(a, b):  # a comment\n    return "text", a * b + 42\n'.repeat(6)}\`\`\`\n\n`,
  '| Name | Value | Note |\n|:-----|------:|------|\n| alpha | 1 | some words |\n| beta | 2 | other **words** |\n\n',
  '> A quote that says little.\n\n- [x] done\n- [ ] open, see [the page](https://example.com)\n\n',
].join('')

const filled = (piece: string) => piece.repeat(Math.ceil(CHARACTERS / piece.length)).slice(0, CHARACTERS)

/** What an answer of 10,000 tokens may be. */
export const TEXTS: Readonly<Record<string, string>> = {
  'rich text': filled(RICH),
  'one paragraph': filled(SENTENCE),
  'one list': filled('- an item with **bold** words, and `code` in it\n'),
  'one quote': filled(`> ${SENTENCE}\n>\n`),
  'one item': `1. It has\n${filled('   - an item with **bold** words, and `code` in it\n')}`,
  'one table': `| Name | Value |\n|------|------:|\n${filled('| some **bold** words | 42 |\n')}`,
  'one code block': `\`\`\`js\n${filled('const value = compute(first, second) // what it is for\n')}`,
}
