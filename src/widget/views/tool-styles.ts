import { css } from 'lit'

export const toolStyles = css`
  .tool {
    margin-block: calc(var(--space) * 2);
    border: 1px solid var(--border);
    border-radius: var(--radius);
    font-size: var(--small);
  }
  .tool summary {
    display: flex;
    align-items: center;
    gap: calc(var(--space) * 2);
    min-block-size: 40px;
    padding-inline: calc(var(--space) * 3);
  }
  .tool summary svg {
    flex: none;
    color: var(--muted);
  }
  .tool code {
    overflow: hidden;
    font: 0.93em ui-monospace, 'SF Mono', Menlo, Consolas, monospace;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .tool-state {
    flex: none;
    margin-inline-start: auto;
    color: var(--muted);
    font-size: var(--tiny);
    font-variant-numeric: tabular-nums;
  }
  .tool.running .tool-state {
    animation: breathe-text 1.4s ease-in-out infinite;
  }
  .tool.failed .tool-state {
    color: var(--danger);
  }
  .tool-contents {
    padding: 0 calc(var(--space) * 3) calc(var(--space) * 3);
  }
  .tool h4 {
    color: var(--muted);
    font-size: var(--tiny);
    font-weight: 500;
  }
  .tool pre {
    max-block-size: calc(var(--size) * 14);
    margin-block-end: calc(var(--space) * 2);
    padding: calc(var(--space) * 2) calc(var(--space) * 3);
    border-radius: calc(var(--radius) - 6px);
    background: var(--surface);
    font: 0.88em / 1.55 ui-monospace, 'SF Mono', Menlo, Consolas, monospace;
    overflow: auto;
    white-space: pre-wrap;
  }
  .tool pre:last-child {
    margin-block-end: 0;
  }
  .tool-decisions {
    display: flex;
    flex-wrap: wrap;
    gap: calc(var(--space) * 2);
    padding: 0 calc(var(--space) * 3) calc(var(--space) * 3);
  }
  @keyframes breathe-text {
    50% {
      opacity: 0.5;
    }
  }
`
