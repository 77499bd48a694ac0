import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MarkdownDocument, type Part } from './document.ts'

/** The HTML of a text that is there at once. */
function whole(text: string): string {
  const document = new MarkdownDocument()
  document.update(text, true)
  return joined([...finished(document), ...document.tail()])
}

/** What is shown of a text that may go on. */
function growing(text: string): string {
  const document = new MarkdownDocument()
  document.update(text, false)
  return joined([...finished(document), ...document.tail()])
}

function finished(document: MarkdownDocument): Part[] {
  const all: Part[] = []
  for (let parts = document.next(); parts; parts = document.next()) all.push(...parts)
  return all
}

const BEGIN =
  /^(?:<p>|<[uo]l[^>]*>|<li[^>]*>|<blockquote>|<pre><code[^>]*>|<div class="table" tabindex="0"><table>.*?<\/thead>(?:<tbody>)?)/s
const END = /(?:<\/p>|<\/[uo]l>|<\/li>|<\/blockquote>|<\/code><\/pre>|(?:<\/tbody>)?<\/table><\/div>)$/

/** Parts as one HTML: what joins goes on in the blocks before it. */
function joined(parts: readonly Part[]): string {
  let open = 0
  return parts.reduce((html, part) => {
    expect(part.joins).toBeLessThanOrEqual(open)
    open = part.open
    let rest = part.html
    for (let level = 0; level < part.joins; level++) {
      expect(html).toMatch(END)
      expect(rest).toMatch(BEGIN)
      html = html.replace(END, '')
      rest = rest.replace(BEGIN, '')
    }
    return html + rest.replace(/^<\/table>/, '</tbody></table>')
  }, '')
}

describe('Markdown as models write it', () => {
  test.each([
    ['**注意：**请看', '<p><strong>注意：</strong>请看</p>'],
    ['这是**“强调”**的', '<p>这是<strong>“强调”</strong>的</p>'],
    ['**30%**的人用**（注）**', '<p><strong>30%</strong>的人用<strong>（注）</strong></p>'],
    ['**중요:**다음', '<p><strong>중요:</strong>다음</p>'],
    ['*まとめ。*次は', '<p><em>まとめ。</em>次は</p>'],
    ['**a*b*c', '<p>**a<em>b</em>c</p>'],
    ['snake_case_name and 2 * 3 * 4', '<p>snake_case_name and 2 * 3 * 4</p>'],
  ])('emphasis: %s', (text, html) => expect(whole(text)).toBe(html))

  test.each([
    ['5~10 分钟, 3~4 or so', '<p>5~10 分钟, 3~4 or so</p>'],
    ['~~gone~~', '<p><del>gone</del></p>'],
  ])('a single tilde is a tilde: %s', (text, html) => expect(whole(text)).toBe(html))

  const formula = (source: string) => `<span class="math">${source}</span>`
  test.each([
    ['\\(a_1 * b_2 * c\\)', formula('\\(a_1 * b_2 * c\\)')],
    ['\\[ x \\] then', `${formula('\\[ x \\]')} then`],
    ['so $x^2$, $\\alpha_i$ and $$y$$', `so ${formula('$x^2$')}, ${formula('$\\alpha_i$')} and ${formula('$$y$$')}`],
    ['$5 and $10, US$5 and HK$6', '$5 and $10, US$5 and HK$6'],
    ['$ 5$ and 5 $ or $5 $', '$ 5$ and 5 $ or $5 $'],
    ['\\$x\\$', '$x$'],
    ['`$x$` and `\\(y\\)`', '<code>$x$</code> and <code>\\(y\\)</code>'],
    ['**bold $a*b$ more**', `<strong>bold ${formula('$a*b$')} more</strong>`],
    ['$$\na\n- b\n= c\n$$', formula('$$\na\n- b\n= c\n$$')],
    ['$a < b & c$', formula('$a &lt; b &amp; c$')],
  ])('formulas: %s', (text, html) => expect(whole(text)).toBe(`<p>${html}</p>`))

  test('a formula stands by itself behind a line of text, in a list and in a quote', () => {
    expect(whole('text:\n\\[\nx\n\\]\nmore')).toBe(`<p>text:</p><p>${formula('\\[\nx\n\\]')}</p><p>more</p>`)
    expect(whole('- a\n  $$\n  x\n  $$')).toContain('class="math"')
    expect(whole('> \\[ x \\]')).toBe(`<blockquote><p>${formula('\\[ x \\]')}</p></blockquote>`)
  })

  test('tables have their alignment, lists their boxes, headings come below those of the chat', () => {
    const table = whole('| a | b |\n|:-:|--:|\n| x<br>y | 2 |')
    expect(table).toContain('<td align="center">x<br>y</td><td align="right">2</td>')
    expect(whole('- [x] done\n- [ ] open')).toBe(
      '<ul><li class="task"><input type="checkbox" disabled checked> done</li><li class="task"><input type="checkbox" disabled> open</li></ul>',
    )
    expect(whole('# A\n\n### C')).toBe('<h4>A</h4><h6>C</h6>')
  })

  test('notes are numbered as the text refers to them; what no note is for stays as it is', () => {
    const html = whole('b[^b], a[^1], c[^c].\n\n[^1]: One *note*\n[^b]: Two')
    expect(html).toContain('b<sup><a href="#note-1" class="footnote-reference">1</a></sup>')
    expect(html).toContain('a<sup><a href="#note-2" class="footnote-reference">2</a></sup>, c[^c].')
    expect(html).toContain('<a href="#reference-2" class="footnote-number">2</a><div><p>One <em>note</em></p></div>')
  })

  test('a line of dashes below a paragraph is a rule, below a short line it makes a heading', () => {
    expect(whole('Title\n---\ntext')).toBe('<h5>Title</h5><p>text</p>')
    expect(whole('one\ntwo\n---\n')).toBe('<p>one<br>two</p><hr>')
    expect(whole(`${'word '.repeat(60)}end\n---`)).toMatch(/^<p>.*<\/p><hr>$/)
  })

  test('HTML is text, but for what Markdown has no words for; images are their texts', () => {
    expect(whole('<b onclick=x>H<sub>2</sub>O</b>')).toBe('<p>&lt;b onclick=x&gt;H<sub>2</sub>O&lt;/b&gt;</p>')
    expect(whole('<div>x</div>\n\n![a cat](https://leak.example/?q)')).not.toMatch(/<div>|<img|leak/)
  })
})

describe('a text that still grows', () => {
  test.each([
    ['**bo', '<p><strong>bo</strong></p>'],
    ['**bold *it', '<p><strong>bold <em>it</em></strong></p>'],
    ['**bold*', '<p><strong>bold</strong></p>'],
    ['a **', '<p>a </p>'],
    ['x `co', '<p>x <code>co</code></p>'],
    ['so ~~go', '<p>so <del>go</del></p>'],
    ['so $x', '<p>so <span class="math">$x$</span></p>'],
    ['it costs $5 a', '<p>it costs $5 a</p>'],
    ['so \\(a_1', '<p>so <span class="math">\\(a_1\\)</span></p>'],
    ['see [the li', '<p>see the li</p>'],
    ['see [the link](https://exa', '<p>see the link</p>'],
    ['see ![im', '<p>see im</p>'],
    ['so[^1', '<p>so</p>'],
    ['2*3 = 6', '<p>2*3 = 6</p>'],
    ['**中文：', '<p><strong>中文：</strong></p>'],
  ])('closes what is half written: %s', (text, html) => expect(growing(text)).toBe(html))

  test.each([
    ['Title\n-', '<p>Title</p>'],
    ['Title\n--', '<p>Title</p>'],
    ['Title\n=', '<p>Title</p>'],
    ['- a\n  -', '<ul><li>a</li></ul>'],
    ['1. a\n2', '<ol><li>a</li></ol>'],
    ['text\n\n#', '<p>text</p>'],
    ['text\n\n``', '<p>text</p>'],
    ['| a | b |', ''],
    ['| a | b |\n|--', ''],
    ['```py\nx\n``', '<pre><code class="language-py">x\n</code></pre>'],
    ['$$\na\n- b', '<p><span class="math">$$\na\n- b\n$$</span></p>'],
  ])('keeps back what may become something else: %j', (text, html) => expect(growing(text)).toBe(html))

  test('shows a table from its second line on', () => {
    expect(growing('| a | b |\n|---|---|\n| **x')).toContain('<td><strong>x</strong></td><td></td>')
  })

  test('a definition reaches what stands before it', () => {
    const document = new MarkdownDocument()
    const text = `See [it][1] and so[^n].\n\n${'More text.\n\n'.repeat(300)}`
    document.update(text, false)
    finished(document)
    expect(document.update(`${text}[1]: https://example.com\n`, false)).toBe(true)
    expect(joined(finished(document))).toContain('<a href="https://example.com">it</a>')
    expect(document.update(`${text}[1]: https://example.com\n[^n]: Note.\n\n[2]: https://x.y\n`, true)).toBe(true)
    expect(joined([...finished(document), ...document.tail()])).toBe(
      whole(`${text}[1]: https://example.com\n[^n]: Note.\n\n[2]: https://x.y\n`),
    )
  })

  test('another text begins anew', () => {
    const document = new MarkdownDocument()
    document.update('one two', true)
    finished(document)
    expect(document.update('three', false)).toBe(true)
    expect(joined(document.tail())).toBe('<p>three</p>')
  })

  const WORDS = [
    ...[
      'alpha',
      'beta',
      '**bold**',
      '*em*',
      '`code`',
      'x_1',
      '$a^2$',
      '\\(b_i\\)',
      '[link](http://e.com/a_b)',
      '中文，',
    ],
    ...[
      '**注意：**',
      '5~10',
      '2 * 3',
      '$5',
      'end.',
      'Done!',
      '好。',
      '~~no~~',
      '[^1]',
      '[ref]',
      '"q"',
      '\\*',
      '[',
      '**',
      '`',
    ],
  ]
  const words = (maxLength: number) =>
    fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength, size: 'max' }).map((words) => words.join(' '))
  const lines = (line: fc.Arbitrary<string>, separator: string) =>
    fc.array(line, { minLength: 1, maxLength: 9 }).map((lines) => lines.join(separator))
  const CODE_LINES = fc.constantFrom('const a = `x`', '', '  if (b) {', '| x | y |', '# c', '- d', '$$')
  const CONTAINERS = ['> ', '- ', '7. ', '- [x] '] as const
  /** Blocks in a quote or an item. */
  const within = ([leader, blocks]: readonly [string, readonly string[]]) => {
    const indent = leader === '> ' ? '> ' : ' '.repeat(leader.replace('[x] ', '').length)
    return leader + blocks.join('\n\n').replaceAll('\n', `\n${indent}`)
  }
  const inner = fc.oneof(
    words(9),
    lines(
      words(8).map((text) => `- ${text}`),
      '\n',
    ),
    lines(
      words(8).map((text) => `1. ${text}\n\n   second`),
      '\n',
    ),
    lines(CODE_LINES, '\n').map((code) => `\`\`\`js\n${code}\n\`\`\``),
    lines(
      words(3).map((text) => `| ${text} | x |`),
      '\n',
    ).map((rows) => `| a | b |\n|---|:-:|\n${rows}`),
    words(4).map((text) => `# ${text}`),
    fc.constantFrom('---', '$$\na\n- b\n$$', '```\nopen', '> quote\nlazy', '-\n  foo', '-   wide\n\n    more'),
  )
  const block = fc.oneof(
    words(40),
    words(400),
    words(5).map((text) => `## ${text}`),
    lines(
      words(8).map((text) => `- ${text}`),
      '\n',
    ),
    lines(
      words(8).map((text) => `1. ${text}\n   - nested`),
      '\n\n',
    ),
    lines(CODE_LINES, '\n').map((code) => `\`\`\`js\n${code}\n\`\`\``),
    lines(
      words(3).map((text) => `| ${text} | x |`),
      '\n',
    ).map((rows) => `| a | b |\n|---|:-:|\n${rows}`),
    words(8).map((text) => `> ${text}`),
    fc
      .tuple(fc.constantFrom(...CONTAINERS), fc.array(fc.oneof(inner, words(200)), { minLength: 1, maxLength: 9 }))
      .map(within),
    fc
      .tuple(
        fc.constantFrom(...CONTAINERS),
        fc.constantFrom(...CONTAINERS),
        fc.array(fc.oneof(inner, words(90)), { minLength: 3, maxLength: 12 }),
      )
      .map(([outer, inner, blocks]) => within([outer, [within([inner, blocks]), 'More after it.']])),
    words(4).map((text) => `${text}\n---`),
    words(4).map((text) => `- [ ] ${text}\n---\n1. a\n2`),
    words(4).map((text) => `[^1]: ${text}`),
    fc.constantFrom(
      '---',
      '$$\na\n- b\n$$',
      '\\[\nx\n\\]',
      '[ref]: http://x.y/z',
      '    indented',
      '$$ open',
      '```\nopen',
    ),
  )
  const document = fc.tuple(fc.array(block, { minLength: 1, maxLength: 9 }), fc.constantFrom('\n\n', '\n'))

  test('in the end is what it would be at once, however it came', () => {
    fc.assert(
      fc.property(document, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), ([blocks, gap], steps) => {
        const text = blocks.join(gap)
        const document = new MarkdownDocument()
        let parts: Part[] = []
        for (let at = 0, step = 0; at < text.length; step++) {
          at = Math.min(text.length, at + steps[step % steps.length])
          if (document.update(text.slice(0, at), at === text.length)) parts = []
          parts.push(...finished(document))
          if (step % 7 === 0) document.tail()
        }
        expect(joined([...parts, ...document.tail()])).toBe(whole(text))
      }),
      { numRuns: 100, seed: 7, endOnFailure: true },
    )
  })

  const SENTENCE = 'The quick **brown** fox jumps over the `lazy` dog, and *it* rests near the river $x^2$. '
  test.each([
    ['a paragraph', SENTENCE.repeat(500)],
    ['a paragraph without the end of a sentence', 'some words and more '.repeat(2200)],
    ['a paragraph in Chinese', '敏捷的棕色狐狸跳过懒狗然后在河边休息'.repeat(800)],
    ['a paragraph with unclosed syntax', 'so *a and [b and `c '.repeat(2000)],
    ['a list', Array.from({ length: 900 }, (_, index) => `- item ${index} with **bold** words`).join('\n')],
    [
      'a numbered list with gaps',
      Array.from({ length: 900 }, (_, index) => `${index + 1}. item with words`).join('\n\n'),
    ],
    ['a code block', `\`\`\`js\n${'const value = compute(a, b) // a comment\n'.repeat(1100)}`],
    ['a table', `| a | b |\n|---|---|\n${'| some words | other **words** |\n'.repeat(1400)}`],
    ['many blocks', `${SENTENCE}\n\n- a\n- b\n\n`.repeat(400)],
    ['a quote', `> ${SENTENCE}\n>\n`.repeat(450)],
    ['a quote of one paragraph', `> ${SENTENCE}\n`.repeat(450)],
    ['a quote of one line', `> ${SENTENCE.repeat(450)}`],
    ['a quote in a quote', `> > ${SENTENCE}\n> >\n`.repeat(450)],
    ['a list in a quote', '> - an item of a quote with **bold** words\n'.repeat(900)],
    ['code in a quote', `> \`\`\`js\n${'> const value = compute(a, b) // a comment\n'.repeat(900)}`],
    ['a table in a quote', `> | a | b |\n> |---|---|\n${'> | some words | other **words** |\n'.repeat(1200)}`],
    ['an item of paragraphs', `1. ${`${SENTENCE}\n\n   `.repeat(450)}`],
    ['an item of one paragraph', `- ${SENTENCE.repeat(450)}`],
    ['an item with items', `1. It has\n${'   - an item with **bold** words\n'.repeat(1200)}`],
    ['items in items', `- a\n  1. b\n${'     - an item with **bold** words\n'.repeat(1200)}`],
    ['code in an item', `- It is\n\n  \`\`\`js\n${'  const value = compute(a, b) // a comment\n'.repeat(900)}`],
    [
      'a table in an item',
      `- It is\n\n  | a | b |\n  |---|---|\n${'  | some words | other **words** |\n'.repeat(1200)}`,
    ],
    ['a quote in an item', `- It is\n\n${`  > ${SENTENCE}\n  >\n`.repeat(450)}`],
  ])('is not read again, however long: %s', (_, text) => {
    const document = new MarkdownDocument()
    for (let at = 0; at < text.length; at += 500) {
      document.update(text.slice(0, at), false)
      finished(document)
      expect(document.tail().reduce((length, { html }) => length + html.length, 0)).toBeLessThan(8000)
    }
  })
})
