import { css } from 'lit'

export const messageStyles = css`
  article {
    display: flow-root;
    min-inline-size: 0;
    overflow-wrap: anywhere;
  }
  /* Every paragraph has the direction of its own language. */
  article :is(p, li, h1, h2, h3, h4, h5, h6, td, th) {
    text-align: start;
    unicode-bidi: plaintext;
  }
  .user {
    display: flex;
    flex-direction: column;
    align-items: flex-end;
    gap: calc(var(--space) * 0.5);
    padding-inline-start: 12%;
  }
  .question {
    max-inline-size: 100%;
    padding: calc(var(--space) * 2) calc(var(--space) * 4);
    border-radius: calc(var(--radius) + 4px);
    background: var(--surface);
  }
  p.question,
  .question p {
    white-space: pre-wrap;
  }
  .question button {
    margin-block-start: var(--space);
  }
  .editor {
    inline-size: 100%;
    padding: calc(var(--space) * 2);
    border: 1px solid var(--field-border);
    border-radius: calc(var(--radius) + 4px);
  }
  .editor textarea {
    inline-size: 100%;
    max-block-size: 40cqb;
    padding: var(--space) calc(var(--space) * 2);
    border: 0;
    outline: 0;
    background: none;
    color: inherit;
    font: inherit;
    field-sizing: content;
    resize: none;
  }
  .editor:focus-within {
    border-color: var(--accent);
  }
  .editor div {
    display: flex;
    justify-content: flex-end;
    gap: calc(var(--space) * 2);
  }
  .turn-end {
    display: flex;
    align-items: start;
    justify-content: space-between;
    column-gap: calc(var(--space) * 4);
    min-block-size: 28px;
    margin-block-start: calc(var(--space) * 2);
  }
  /* While an answer grows, what is told of it stands still at the end of the room, and stays in sight. */
  .exchange > .assistant:last-child {
    display: flex;
    flex: 1;
    flex-direction: column;
  }
  .turn-end.growing {
    position: sticky;
    inset-block-end: calc(var(--space) * 6);
    margin-block-start: auto;
    padding-block-start: calc(var(--space) * 2);
  }
  .turn-bar {
    display: flex;
    align-items: center;
    block-size: 28px;
    transition: opacity 0.15s;
  }
  .assistant .turn-bar {
    margin-inline-end: -6px;
    margin-inline-start: auto;
  }
  .not-copied {
    color: var(--danger);
  }
  .versions {
    display: flex;
    align-items: center;
  }
  .versions,
  .not-copied {
    margin-inline-end: var(--space);
    font-size: var(--tiny);
  }
  .versions {
    color: var(--muted);
    font-variant-numeric: tabular-nums;
  }
  /* The bars of older turns show up when they are wanted; their room is always there. */
  @media (hover: hover) {
    article:not(:hover, :focus-within) .turn-bar {
      opacity: 0;
    }
    .exchange:last-of-type .assistant:last-child .turn-bar {
      opacity: 1;
    }
  }
  .note {
    margin-block-start: calc(var(--space) * 2);
    color: var(--muted);
    font-size: var(--tiny);
  }
  .waiting {
    display: flex;
    align-items: center;
    gap: calc(var(--space) * 2);
    min-block-size: 1.6em;
    color: var(--muted);
    font-size: var(--small);
    font-variant-numeric: tabular-nums;
  }
  .live {
    inline-size: 0.7em;
    block-size: 0.7em;
    border-radius: 50%;
    background: var(--accent);
    animation: breathe 1.4s ease-in-out infinite;
  }
  .notice {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: calc(var(--space) * 2) calc(var(--space) * 4);
    padding: calc(var(--space) * 2) calc(var(--space) * 3);
    border: 1px solid var(--border);
    border-radius: var(--radius);
    font-size: var(--small);
  }
  .notice.error {
    border-color: color-mix(in srgb, var(--danger) 45%, transparent);
    background: color-mix(in srgb, var(--danger) 4%, transparent);
  }
  .notice .quiet {
    color: var(--text);
  }
  .markdown + .notice,
  .note + .notice {
    margin-block-start: calc(var(--space) * 3);
  }
  .notice .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: calc(var(--space) * 2);
    margin-inline-start: auto;
  }
  .notice .said {
    color: var(--muted);
  }
  .notice .retry {
    color: var(--muted);
    font-variant-numeric: tabular-nums;
  }
  .key {
    display: flex;
    flex: 1 1 14em;
    gap: calc(var(--space) * 2);
  }
  .key input {
    flex: 1;
    min-inline-size: 0;
    min-block-size: 28px;
    padding-inline: calc(var(--space) * 3);
    border: 1px solid var(--field-border);
    border-radius: 999px;
    background: var(--background);
    color: var(--text);
    font: inherit;
  }
  @container chat (inline-size < 420px) {
    .turn-end {
      flex-wrap: wrap;
    }
    .assistant .turn-bar {
      margin-inline: -6px 0;
    }
    .turn-end .facts {
      flex-basis: 100%;
    }
  }
  @keyframes breathe {
    50% {
      opacity: 0.25;
      scale: 0.75;
    }
  }
`
