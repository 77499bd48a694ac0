import { css } from 'lit'

export const thinkingStyles = css`
  .thinking {
    position: relative;
    margin-block-end: calc(var(--space) * 3);
    color: var(--muted);
    font-size: var(--small);
  }
  .thinking summary {
    position: sticky;
    z-index: 1;
    inset-block-start: 0;
    display: flex;
    align-items: center;
    gap: calc(var(--space) * 3);
    inline-size: fit-content;
    max-inline-size: 100%;
    min-block-size: 28px;
    background: var(--background);
    font-variant-numeric: tabular-nums;
  }
  .thinking summary::after {
    content: '';
    flex: none;
    inline-size: 0.4em;
    block-size: 0.4em;
    border: solid currentColor;
    border-width: 0 1.5px 1.5px 0;
    rotate: 45deg;
    translate: 0 -0.15em;
    transition: rotate 0.15s;
  }
  .thinking [open] > summary::after {
    rotate: 225deg;
    translate: 0 0.1em;
  }
  .thinking summary:hover {
    color: var(--text);
  }
  .thinking.now summary {
    inline-size: auto;
    padding-inline-end: calc(var(--size) * 8);
  }
  .answer-now {
    position: absolute;
    z-index: 2;
    inset-block-start: 0;
    inset-inline-end: 0;
  }
  .shimmer {
    flex: none;
    background: linear-gradient(90deg, var(--muted) 40%, var(--text) 50%, var(--muted) 60%) 100% / 300%;
    background-clip: text;
    color: transparent;
    animation: shimmer 3s linear infinite;
  }
  .latest-thought {
    flex: 0 1 auto;
    min-inline-size: 0;
    overflow: hidden;
    mask-image: linear-gradient(to right, #000 70%, transparent);
    white-space: nowrap;
    animation: appear 0.5s;
  }
  .latest-thought:dir(rtl) {
    mask-image: linear-gradient(to left, #000 70%, transparent);
  }
  .thoughts {
    max-block-size: 40cqb;
    margin-block-start: var(--space);
    padding-block: calc(var(--space) * 2);
    padding-inline-start: calc(var(--space) * 4);
    border-inline-start: 1px solid var(--border);
    overflow: hidden auto;
    overscroll-behavior: contain;
    scrollbar-width: thin;
    mask-image: linear-gradient(transparent, #000 0.8em, #000 calc(100% - 0.8em), transparent);
  }
  @keyframes shimmer {
    to {
      background-position-x: 0%;
    }
  }
  @keyframes appear {
    from {
      opacity: 0;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    .shimmer {
      color: inherit;
    }
  }
  @media (forced-colors: active) {
    .shimmer {
      color: CanvasText;
    }
  }
  @container chat (inline-size < 420px) {
    .thinking.now summary {
      flex-wrap: wrap;
      row-gap: 0;
      padding-inline-end: 0;
    }
    .thinking.now .latest-thought {
      flex: 1 0 100%;
      max-inline-size: calc(100% - var(--size) * 7.5);
      line-height: 28px;
    }
    .thinking.now :not([open]) > summary::after {
      display: none;
    }
    :not([open]) + .answer-now {
      inset-block-start: 28px;
    }
    [open] + .answer-now {
      position: static;
      margin-block-start: calc(var(--space) * 2);
    }
  }
`
