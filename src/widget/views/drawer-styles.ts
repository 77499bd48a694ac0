import { css } from 'lit'

export const drawerStyles = css`
  .shade {
    position: absolute;
    z-index: 3;
    inset: 0;
    background: rgb(0 0 0 / 0.25);
    animation: appear 0.15s;
  }
  .drawer {
    position: absolute;
    z-index: 4;
    inset-block: 0;
    inset-inline-start: 0;
    display: grid;
    grid-template-rows: auto minmax(0, 1fr) auto auto;
    inline-size: min(calc(var(--size) * 20), 88%);
    border-inline-end: 1px solid var(--border);
    background: var(--background);
    font-size: var(--small);
    animation: drawer 0.18s ease-out;
  }
  .drawer-head {
    display: flex;
    gap: var(--space);
    padding: calc(var(--space) * 2);
  }
  .drawer .icon {
    flex: none;
  }
  .drawer-head .icon {
    inline-size: 36px;
    block-size: 36px;
  }
  .drawer input:not([type='file']) {
    flex: 1;
    min-inline-size: 0;
    min-block-size: 36px;
    padding-inline: calc(var(--space) * 3);
    border: 1px solid var(--field-border);
    border-radius: calc(var(--radius) - 4px);
    background: var(--background);
    color: inherit;
    font: inherit;
  }
  .drawer input:focus-visible {
    border-color: var(--accent);
    outline-offset: -2px;
  }
  .drawer ul {
    padding: 0 calc(var(--space) * 2);
    overflow: hidden auto;
    overscroll-behavior: contain;
    list-style: none;
    scrollbar-width: thin;
  }
  .drawer li {
    display: flex;
    align-items: center;
    border-radius: calc(var(--radius) - 6px);
  }
  .drawer li:hover,
  .drawer li:has([aria-current='true']) {
    background: var(--surface);
  }
  .listed {
    flex: 1;
    justify-content: start;
    min-inline-size: 0;
    min-block-size: 36px;
    padding-inline: calc(var(--space) * 2);
    text-align: start;
  }
  .listed span:first-child {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .listed .live {
    flex: none;
  }
  @media (hover: hover) {
    .drawer li:not(:hover, :focus-within) .icon {
      opacity: 0;
    }
  }
  .rename {
    display: flex;
    flex: 1;
  }
  .listed small {
    overflow: hidden;
    color: var(--muted);
    font-size: var(--tiny);
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .none,
  .told:not(:empty) {
    padding: 0 calc(var(--space) * 4) calc(var(--space) * 2);
    color: var(--muted);
  }
  .files {
    display: flex;
    flex-wrap: wrap;
    gap: var(--space) calc(var(--space) * 3);
    padding: calc(var(--space) * 3) calc(var(--space) * 4);
    border-block-start: 1px solid var(--border);
  }
  .files .text {
    cursor: pointer;
  }
  .files label:focus-within {
    outline: 2px solid var(--accent);
    outline-offset: 1px;
  }
  @keyframes drawer {
    from {
      translate: -8px 0;
      opacity: 0;
    }
  }
`
