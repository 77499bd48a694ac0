import { css } from 'lit'

export const markdownStyles = css`
  .markdown > * + * {
    margin-block-start: 0.85em;
  }
  .markdown :is(ul, ol) {
    padding-inline-start: 1.5em;
  }
  .markdown li + li,
  .markdown li > :is(ul, ol) {
    margin-block-start: 0.3em;
  }
  .markdown :is(h1, h2, h3, h4, h5, h6) {
    font-size: 1.05em;
    line-height: 1.35;
    white-space: normal;
  }
  .markdown h1 {
    font-size: 1.3em;
  }
  .markdown h2 {
    font-size: 1.15em;
  }
  .markdown a {
    color: var(--accent);
    text-underline-offset: 0.15em;
  }
  .markdown code {
    padding: 0.1em 0.35em;
    border-radius: 5px;
    background: var(--surface);
    font: 0.88em / 1.55 ui-monospace, 'SF Mono', Menlo, Consolas, monospace;
  }
  .markdown pre {
    padding: 0.8rem 1rem;
    border: 1px solid var(--border);
    border-radius: calc(var(--radius) - 4px);
    background: var(--surface);
    overflow-x: auto;
  }
  .markdown pre code {
    padding: 0;
    background: none;
    overflow-wrap: normal;
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
  .markdown table {
    display: block;
    max-inline-size: 100%;
    border-collapse: collapse;
    font-size: 0.93em;
    overflow-x: auto;
  }
  .markdown :is(th, td) {
    padding: 0.35em 0.75em;
    border: 1px solid var(--border);
    text-align: start;
  }

  /* The cursor stands where the next text will: in the last block that holds text itself. */
  .streaming > :not(ul, ol, pre, blockquote, table):last-child::after,
  .streaming > :is(ul, ol, blockquote):last-child > :last-child::after,
  .streaming > pre:last-child > code::after {
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
