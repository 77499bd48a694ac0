import { css } from 'lit'

export const controlStyles = css`
  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: var(--space);
    min-inline-size: 24px;
    min-block-size: 24px;
    padding: 0;
    border: 0;
    border-radius: calc(var(--radius) - 6px);
    background: none;
    color: inherit;
    font: inherit;
    cursor: pointer;
  }
  button:disabled {
    opacity: 0.4;
    cursor: default;
  }
  button[hidden] {
    display: none;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 1px;
  }
  .log:focus-visible {
    outline-offset: -2px;
  }
  summary {
    border-radius: calc(var(--radius) - 8px);
    cursor: pointer;
    list-style: none;
  }
  summary::-webkit-details-marker {
    display: none;
  }
  .quiet {
    min-block-size: 28px;
    padding: 0 calc(var(--space) * 3);
    border: 1px solid var(--border);
    border-radius: 999px;
    color: var(--muted);
    font-size: var(--tiny);
    line-height: 1.4;
    white-space: nowrap;
  }
  .quiet:not(:disabled):hover,
  .icon:not(:disabled):hover {
    background: var(--surface);
    color: var(--text);
  }
  .strong {
    border-color: var(--text);
    color: var(--text);
  }
  .text {
    color: var(--muted);
    font-size: var(--tiny);
    text-decoration: underline;
    text-decoration-color: var(--border);
    text-underline-offset: 0.2em;
  }
  .text:hover {
    color: var(--text);
    text-decoration-color: currentColor;
  }
  .icon {
    inline-size: 28px;
    block-size: 28px;
    color: var(--muted);
    font-size: var(--small);
  }
  header .icon {
    inline-size: 36px;
    block-size: 36px;
    font-size: var(--size);
  }
  .latest {
    position: absolute;
    z-index: 2;
    inset-block-end: calc(var(--space) * 2);
    inset-inline: 0;
    inline-size: 36px;
    block-size: 36px;
    margin-inline: auto;
    border: 1px solid var(--border);
    border-radius: 50%;
    background: var(--background);
    box-shadow: 0 2px 8px rgb(0 0 0 / 0.12);
    font-size: var(--size);
  }
`
