import { css } from 'lit'
import { markdownStyles } from './markdown-styles.ts'

// Pages may set the --nanbeige-* properties; everything else follows from them.
const theme = css`
  :host {
    color-scheme: light dark;
    --accent: var(--nanbeige-accent, light-dark(#17705a, #6cc9ae));
    --on-accent: var(--nanbeige-on-accent, light-dark(#ffffff, #0c1512));
    --background: var(--nanbeige-background, light-dark(#fdfdfb, #161816));
    --surface: var(--nanbeige-surface, light-dark(#f1f2ee, #222522));
    --text: var(--nanbeige-text, light-dark(#1d211f, #e6e8e4));
    --muted: var(--nanbeige-muted, light-dark(#646b67, #9aa19c));
    --border: var(--nanbeige-border, light-dark(#dfe2dc, #343834));
    --danger: var(--nanbeige-danger, light-dark(#a3291f, #f09a90));
    --radius: var(--nanbeige-radius, 14px);
    font: 16px / 1.6 var(--nanbeige-font, system-ui, sans-serif);
  }
`

const frame = css`
  :host {
    display: flex;
    flex-direction: column;
    block-size: 100%;
    min-block-size: 20rem;
    background: var(--background);
    color: var(--text);
    container-type: inline-size;
  }
  :host([hidden]) {
    display: none;
  }
  * {
    box-sizing: border-box;
    margin: 0;
  }
  .hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  header,
  form,
  .log {
    padding-inline: max(1rem, (100% - 46rem) / 2);
    /* All three leave room for the scrollbar of one, so that their edges align. */
    overflow: hidden;
    scrollbar-gutter: stable both-edges;
  }
  header {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 1rem;
    padding-block: 0.6rem;
    border-block-end: 1px solid var(--border);
  }
  h2 {
    overflow: hidden;
    font-size: 0.95rem;
    font-weight: 600;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .scroller {
    position: relative;
    display: flex;
    flex: 1;
    min-block-size: 0;
  }
  .log {
    display: flex;
    flex: 1;
    flex-direction: column;
    gap: 1.5rem;
    padding-block: 1.5rem;
    overflow-y: auto;
    overscroll-behavior: contain;
  }
  .welcome {
    margin: auto;
    color: var(--muted);
    font-size: 1.25rem;
    text-wrap: balance;
  }
`

const turns = css`
  article {
    min-inline-size: 0;
    overflow-wrap: anywhere;
  }
  .user {
    align-self: flex-end;
    max-inline-size: 85%;
    padding: 0.55rem 0.95rem;
    border-radius: var(--radius);
    background: var(--surface);
    white-space: pre-wrap;
  }
  .note {
    margin-block-start: 0.5rem;
    color: var(--muted);
    font-size: 0.85rem;
  }
  .thinking {
    margin-block-end: 0.5rem;
    color: var(--muted);
    font-size: 0.9rem;
  }
  .thinking summary {
    inline-size: fit-content;
    cursor: pointer;
  }
  .thinking p {
    margin-block-start: 0.35rem;
    padding-inline-start: 0.85rem;
    border-inline-start: 2px solid var(--border);
    white-space: pre-wrap;
  }
  .waiting::after {
    content: '';
    display: inline-block;
    inline-size: 0.7em;
    block-size: 0.7em;
    border-radius: 50%;
    background: var(--accent);
    animation: breathe 1.4s ease-in-out infinite;
  }
  .error {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 1rem;
    padding: 0.6rem 0.6rem 0.6rem 0.95rem;
    border: 1px solid color-mix(in srgb, var(--danger) 45%, transparent);
    border-radius: var(--radius);
    background: color-mix(in srgb, var(--danger) 7%, transparent);
    color: var(--danger);
    font-size: 0.92rem;
  }
  .error button {
    flex: none;
    color: inherit;
  }
  @keyframes breathe {
    50% {
      opacity: 0.25;
      scale: 0.75;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    * {
      animation: none !important;
    }
  }
`

const controls = css`
  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 0.35rem;
    border: 0;
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
    outline-offset: 2px;
  }
  .log:focus-visible {
    outline-offset: -2px;
  }
  .quiet {
    padding: 0.3rem 0.7rem 0.3rem 0.5rem;
    border: 1px solid var(--border);
    border-radius: calc(var(--radius) - 4px);
    font-size: 0.88rem;
    white-space: nowrap;
  }
  .error .quiet {
    padding-inline: 0.8rem;
    border-color: currentColor;
  }
  .quiet:not(:disabled):hover {
    background: var(--surface);
  }
  .latest {
    position: absolute;
    inset-block-end: 0.75rem;
    inset-inline: 0;
    inline-size: 2.25rem;
    block-size: 2.25rem;
    margin-inline: auto;
    border: 1px solid var(--border);
    border-radius: 50%;
    background: var(--background);
    box-shadow: 0 2px 8px rgb(0 0 0 / 0.12);
  }
  form {
    display: flex;
    align-items: flex-end;
    padding-block: 0.25rem 1rem;
  }
  textarea {
    flex: 1;
    min-inline-size: 0;
    min-block-size: 3.25rem;
    max-block-size: 12rem;
    padding: 0.8rem 3.5rem 0.8rem 1.1rem;
    border: 1px solid var(--border);
    border-radius: 1.65rem;
    background: var(--surface);
    color: inherit;
    font: inherit;
    field-sizing: content;
    resize: none;
  }
  textarea::placeholder {
    color: var(--muted);
    opacity: 1;
  }
  textarea:focus-visible {
    border-color: var(--accent);
    outline: 1px solid var(--accent);
    outline-offset: 0;
  }
  .round {
    flex: none;
    inline-size: 2.5rem;
    block-size: 2.5rem;
    margin-inline-start: -2.9rem;
    margin-block-end: 0.38rem;
    margin-inline-end: 0.4rem;
    border-radius: 50%;
    background: var(--accent);
    color: var(--on-accent);
  }
`

export const styles = [theme, frame, turns, markdownStyles, controls]
