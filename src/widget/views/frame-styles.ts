import { css } from 'lit'

export const frameStyles = css`
  :host {
    display: block;
    block-size: 100%;
    min-block-size: calc(var(--size) * 20);
    background: var(--background);
    color: var(--text);
    container: chat / inline-size;
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
  .chat {
    position: relative;
    display: grid;
    grid-template: auto minmax(0, 1fr) auto minmax(0, 0fr) / minmax(0, 1fr);
    block-size: 100%;
    min-block-size: inherit;
    transition: grid-template-rows 0.25s ease-out;
  }
  /* Until the first question the composer stands in the middle. */
  .chat.empty {
    grid-template-rows: auto minmax(0, 1fr) auto minmax(0, 1.2fr);
  }
  header {
    display: flex;
    align-items: center;
    gap: calc(var(--space) * 1);
    padding: calc(var(--space) * 2) calc(var(--space) * 3);
  }
  header h2 {
    flex: 1;
    padding-inline-start: calc(var(--space) * 1);
    overflow: hidden;
    font-size: var(--small);
    font-weight: 600;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .scroller {
    position: relative;
    min-block-size: 0;
  }
  /* Text fades away above the composer and below the header; the scrollbar does not. */
  .scroller::before,
  .scroller::after {
    content: '';
    position: absolute;
    z-index: 1;
    inset-inline: 0 calc(var(--space) * 4);
    block-size: calc(var(--space) * 6);
    pointer-events: none;
  }
  .scroller::before {
    inset-block-start: 0;
    block-size: calc(var(--space) * 3);
    background: linear-gradient(var(--background), transparent);
  }
  .scroller::after {
    inset-block-end: 0;
    background: linear-gradient(transparent, var(--background));
  }
  .log {
    block-size: 100%;
    padding-inline: var(--edge);
    overflow: hidden auto;
    overscroll-behavior: contain;
    scrollbar-gutter: stable both-edges;
    scrollbar-width: thin;
    container-type: size;
  }
  .turns {
    display: flex;
    flex-direction: column;
    gap: calc(var(--space) * 4);
    min-block-size: 100%;
    padding-block: calc(var(--space) * 3) calc(var(--space) * 6);
  }
  .exchange {
    display: flex;
    flex: none;
    flex-direction: column;
    gap: var(--space);
    min-inline-size: 0;
  }
  .exchange:not(:last-of-type) {
    content-visibility: auto;
    contain-intrinsic-block-size: auto calc(var(--size) * 20);
  }
  /* The question is at the top of the log, and its answer has the rest. */
  .exchange.room:last-of-type {
    min-block-size: calc(100cqb - var(--space) * 9);
  }
  .welcome {
    margin-block-start: auto;
    text-align: center;
  }
  .welcome p {
    font-size: var(--large);
    font-weight: 500;
    letter-spacing: -0.01em;
    line-height: 1.3;
    text-wrap: balance;
  }
  .suggestions {
    display: flex;
    flex-wrap: wrap;
    align-content: start;
    justify-content: center;
    gap: calc(var(--space) * 2);
    padding: calc(var(--space) * 1) var(--edge);
    overflow: hidden auto;
    scrollbar-gutter: stable both-edges;
    scrollbar-width: thin;
  }
  @container chat (inline-size < 420px) {
    header {
      padding-inline: calc(var(--space) * 2);
    }
    .welcome p {
      font-size: calc(var(--size) * 1.25);
    }
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`
