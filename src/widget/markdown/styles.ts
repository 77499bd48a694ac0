import { css } from 'lit'

const text = css`
  .markdown > * + * {
    margin-block-start: 0.85em;
  }
  .markdown .plain {
    white-space: pre-wrap;
  }
  .markdown :is(ul, ol) {
    padding-inline-start: 1.5em;
  }
  .markdown li + li,
  .markdown li > :is(ul, ol, p) {
    margin-block-start: 0.3em;
  }
  .markdown li > :is(.code, .table) {
    margin-block: 0.5em;
  }
  .markdown .task {
    list-style: none;
  }
  .markdown .task > input {
    margin-inline: -1.35em 0.4em;
    accent-color: var(--accent);
  }
  .markdown :is(h4, h5, h6) {
    font-size: 1.05em;
    line-height: 1.35;
    white-space: normal;
  }
  .markdown h4 {
    font-size: 1.3em;
  }
  .markdown h5 {
    font-size: 1.15em;
  }
  .markdown > * + :is(h4, h5, h6) {
    margin-block-start: 1.4em;
  }
  .markdown a {
    color: var(--accent);
    text-underline-offset: 0.15em;
  }
  .markdown blockquote {
    padding-inline-start: 1em;
    border-inline-start: 3px solid var(--border);
    color: var(--muted);
  }
  .markdown hr {
    border: 0;
    border-block-start: 1px solid var(--border);
  }
  .markdown :is(sub, sup) {
    line-height: 0;
  }
  .markdown .footnote {
    display: flex;
    gap: 0.6em;
    color: var(--muted);
    font-size: 0.88em;
  }
  .markdown .footnote > div {
    min-inline-size: 0;
  }
  .markdown .footnote + .footnote {
    margin-block-start: 0.35em;
  }
  .markdown :is(.footnote-reference, .footnote-number) {
    scroll-margin-block: 4em;
  }
  .markdown .footnote-number {
    min-inline-size: 1.5em;
    text-align: end;
  }
  .markdown .math {
    overflow-wrap: normal;
  }
  .markdown .math:has(> .katex-display) {
    display: block;
    padding-block: 0.25em;
    overflow: auto hidden;
  }
  .markdown .katex-display {
    margin: 0;
  }
  /* The same formula for screen readers: a selection shall not have it twice. */
  .markdown .katex-mathml {
    user-select: none;
  }
`

const table = css`
  .markdown .table {
    max-inline-size: 100%;
    overflow-x: auto;
  }
  .markdown table {
    border-collapse: collapse;
    font-size: 0.93em;
  }
  /* Words stay whole: what is wider than the answer is scrolled. */
  .markdown :is(th, td) {
    min-inline-size: 3.5em;
    max-inline-size: 24em;
    padding: 0.4em 0.75em;
    border-block-end: 1px solid var(--border);
    overflow-wrap: break-word;
    text-align: start;
    vertical-align: top;
  }
  .markdown :is(th, td)[align='center'] {
    text-align: center;
  }
  .markdown :is(th, td)[align='right'] {
    text-align: end;
    font-variant-numeric: tabular-nums;
  }
`

const code = css`
  .markdown :is(code, kbd, .math:not(:has(.katex))) {
    font: 0.88em / 1.55 ui-monospace, 'SF Mono', Menlo, Consolas, monospace;
  }
  .markdown :is(code, kbd) {
    padding: 0.1em 0.35em;
    border-radius: 5px;
    background: var(--surface);
  }
  .markdown .code {
    border: 1px solid var(--border);
    border-radius: calc(var(--radius) - 4px);
    background: var(--surface);
    overflow: hidden;
  }
  .markdown .code-head {
    display: flex;
    align-items: center;
    justify-content: space-between;
    padding: 0.25rem 0.4rem 0 1rem;
    color: var(--muted);
    font-size: 0.8rem;
  }
  .markdown .copy {
    min-block-size: 1.6rem;
    padding: 0.1rem 0.6rem;
    border-radius: 6px;
  }
  .markdown .copy:hover {
    background: var(--border);
    color: var(--text);
  }
  .markdown pre {
    padding: 0.35rem 1rem 0.8rem;
    overflow-x: auto;
  }
  .markdown pre:focus-visible,
  .markdown .table:focus-visible {
    outline-offset: -2px;
  }
  .markdown pre code {
    padding: 0;
    background: none;
    overflow-wrap: normal;
  }
  .markdown .lines {
    display: block;
  }
`

// What themes of highlight.js set, in few colours that keep 4.5:1 on the surface.
const colours = css`
  .markdown :is(.hljs-comment, .hljs-quote, .hljs-meta) {
    color: var(--muted);
  }
  .markdown :is(.hljs-keyword, .hljs-literal, .hljs-selector-tag, .hljs-tag, .hljs-name, .hljs-doctag) {
    color: light-dark(#7b3fa0, #cda4ec);
  }
  .markdown :is(.hljs-string, .hljs-regexp, .hljs-addition, .hljs-selector-attr, .json-string) {
    color: light-dark(#1b6b3c, #93d3a8);
  }
  .markdown :is(.hljs-number, .hljs-symbol, .hljs-variable, .hljs-built_in, .hljs-type, .json-number, .json-boolean, .json-null) {
    color: light-dark(#8f4f00, #e5b878);
  }
  .markdown :is(.hljs-title, .hljs-section, .hljs-attr, .hljs-attribute, .hljs-property, .json-key) {
    color: light-dark(#1c5c9e, #8fbdf2);
  }
  .markdown .hljs-deletion {
    color: var(--danger);
  }
  .markdown .hljs-emphasis {
    font-style: italic;
  }
  .markdown .hljs-strong {
    font-weight: 600;
  }
`

const json = css`
  .markdown .json {
    font: 0.88em / 1.7 ui-monospace, 'SF Mono', Menlo, Consolas, monospace;
    overflow-wrap: anywhere;
  }
  .markdown .json details > div,
  .markdown .json-leaf {
    padding-inline-start: 1.3em;
  }
  .markdown .json summary {
    inline-size: fit-content;
    cursor: pointer;
  }
  .markdown .json-size {
    color: var(--muted);
  }
`

const cursor = css`
  /*
   * The cursor stands where the next text will: in the last block that holds text itself. Elements by name: with ":not(…)::after" a browser
   * has to style all of the answer anew when its end takes the class away.
   */
  .streaming > :is(p, h4, h5, h6):last-child::after,
  .streaming > :is(ul, ol):last-child > li:last-child::after,
  .streaming > blockquote:last-child > p:last-child::after,
  .streaming > .code:last-child .lines:last-child::after {
    content: '';
    display: inline-block;
    inline-size: 0.5em;
    block-size: 1.05em;
    margin-inline-start: 0.15em;
    border-radius: 2px;
    background: var(--accent);
    vertical-align: text-bottom;
    animation: breathe 1.1s ease-in-out infinite;
  }
`

export const markdownStyles = [text, table, code, colours, json, cursor]
