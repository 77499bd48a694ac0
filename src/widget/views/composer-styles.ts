import { css } from 'lit'

export const composerStyles = css`
  .composer {
    padding: 0 var(--edge) calc(var(--space) * 4);
    /* The same room for a scrollbar as in the log, so that their edges align. */
    overflow: hidden;
    scrollbar-gutter: stable both-edges;
    scrollbar-width: thin;
  }
  .box {
    border: 1px solid var(--field-border);
    border-radius: calc(var(--radius) + 8px);
    background: var(--background);
  }
  .box:focus-within {
    border-color: var(--text);
  }
  .box textarea {
    display: block;
    inline-size: 100%;
    min-block-size: calc(var(--size) * 2.75);
    max-block-size: min(calc(var(--size) * 14), 40vb);
    padding: calc(var(--space) * 3) calc(var(--space) * 4) var(--space);
    border: 0;
    outline: 0;
    background: none;
    color: inherit;
    font: inherit;
    line-height: 1.5;
    field-sizing: content;
    resize: none;
  }
  .box textarea::placeholder {
    color: var(--muted);
    opacity: 1;
  }
  .tools {
    display: flex;
    align-items: center;
    gap: calc(var(--space) * 2);
    padding: 0 calc(var(--space) * 2) calc(var(--space) * 2);
  }
  .gap {
    flex: 1;
  }
  .effort {
    display: flex;
    align-items: center;
    min-block-size: 32px;
    padding-inline: calc(var(--space) * 2.5);
    border-radius: 999px;
    color: var(--muted);
    font-size: var(--tiny);
  }
  .effort:hover {
    background: var(--surface);
  }
  .effort select {
    min-block-size: 24px;
    padding-inline: calc(var(--space) * 1.5);
    border: 0;
    border-radius: 6px;
    background: none;
    color: var(--text);
    font: inherit;
    cursor: pointer;
    field-sizing: content;
  }
  .effort option {
    background: var(--background);
    color: var(--text);
  }
  .round {
    flex: none;
    inline-size: 36px;
    block-size: 36px;
    border-radius: 50%;
    background: var(--accent);
    color: var(--on-accent);
    font-size: var(--size);
  }
  /* One green at a time: while an answer grows it is there. */
  .round.stop,
  .round.later {
    background: var(--surface);
    color: var(--text);
  }
  .round:disabled {
    background: var(--surface);
    color: var(--muted);
    opacity: 1;
  }
  .above {
    padding: 0 calc(var(--space) * 4) calc(var(--space) * 2);
    color: var(--muted);
    font-size: var(--tiny);
  }
  .queue {
    display: grid;
    gap: var(--space);
    padding: 0 calc(var(--space) * 2) calc(var(--space) * 2) calc(var(--space) * 4);
    color: var(--muted);
    font-size: var(--small);
    list-style: none;
  }
  .queue li {
    display: flex;
    align-items: center;
    gap: calc(var(--space) * 2);
  }
  .queued-text {
    flex: 1;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  @container chat (inline-size < 420px) {
    .composer {
      padding-block-end: calc(var(--space) * 3);
    }
  }
`
