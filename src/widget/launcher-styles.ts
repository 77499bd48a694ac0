import { css } from 'lit'

export const launcherStyles = css`
  :host {
    --accent: var(--nanbeige-accent, light-dark(#17705a, #6cc9ae));
    --on-accent: var(--nanbeige-on-accent, light-dark(#ffffff, #0c1512));
    --background: var(--nanbeige-background, light-dark(#fdfdfb, #161816));
    --text: var(--nanbeige-text, light-dark(#1d211f, #e6e8e4));
    --border: var(--nanbeige-border, light-dark(#dfe2dc, #343834));
    --danger: var(--nanbeige-danger, light-dark(#a3291f, #f09a90));
    --margin: 1.25rem;
    --size: 3.5rem;
    display: contents;
  }
  :host([hidden]) {
    display: none;
  }
  * {
    box-sizing: border-box;
  }
  button {
    display: grid;
    place-items: center;
    padding: 0;
    border: 0;
    cursor: pointer;
  }
  button:focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 3px;
  }
  .launcher {
    position: fixed;
    z-index: 1000;
    inset-block-end: var(--margin);
    inset-inline-end: var(--margin);
    inline-size: var(--size);
    block-size: var(--size);
    border-radius: 50%;
    background: var(--accent);
    color: var(--on-accent);
    box-shadow: 0 6px 24px rgb(0 0 0 / 0.2);
  }
  .unread::after {
    content: '';
    position: absolute;
    inset-block-start: 2px;
    inset-inline-end: 2px;
    inline-size: 0.75rem;
    block-size: 0.75rem;
    border: 2px solid var(--background);
    border-radius: 50%;
    background: var(--danger);
  }
  .panel {
    position: fixed;
    inset: auto;
    inset-block-end: calc(var(--size) + 1.75 * var(--margin));
    inset-inline-end: var(--margin);
    display: flex;
    flex-direction: column;
    inline-size: min(26rem, 100vw - 2 * var(--margin));
    block-size: min(42rem, 100dvh - var(--size) - 2.75 * var(--margin));
    margin: 0;
    padding: 0;
    border: 1px solid var(--border);
    border-radius: var(--nanbeige-radius, 14px);
    background: var(--background);
    color: var(--text);
    box-shadow: 0 12px 48px rgb(0 0 0 / 0.18);
    overflow: hidden;
  }
  /* Not display: none, which would lose how far the reader has scrolled. */
  .panel:not(:popover-open) {
    visibility: hidden;
    opacity: 0;
    translate: 0 0.5rem;
  }
  ::slotted(:not([slot])) {
    flex: 1;
    min-block-size: 0;
  }
  .bar {
    display: none;
    justify-content: end;
  }
  .close {
    inline-size: 2.75rem;
    block-size: 2.75rem;
    background: none;
    color: inherit;
  }
  @media (width < 480px) {
    .panel {
      inset: 0;
      inline-size: auto;
      block-size: auto;
      border: 0;
      border-radius: 0;
    }
    .bar {
      display: flex;
    }
  }
  @media (prefers-reduced-motion: no-preference) {
    .panel {
      transition: opacity 0.16s ease-out, translate 0.16s ease-out;
    }
    /* Only on its way out: what is to have the focus has to be visible at once. */
    .panel:not(:popover-open) {
      transition: opacity 0.16s ease-out, translate 0.16s ease-out, visibility 0.16s;
    }
  }
`
