import { css } from 'lit'

export const sourceStyles = css`
  .chip,
  .facts {
    color: var(--muted);
    font-size: var(--tiny);
    font-variant-numeric: tabular-nums;
    line-height: 20px;
  }
  .facts summary {
    padding-block: 4px;
  }
  .chip {
    padding: 4px calc(var(--space) * 3);
    border-radius: 999px;
    background: var(--surface);
  }
  .facts {
    flex: 1;
    min-inline-size: 0;
  }
  .fact {
    white-space: nowrap;
  }
  .facts summary {
    inline-size: fit-content;
  }
  .facts summary:hover {
    color: var(--text);
  }
  /* Filled for the edge, a ring for an origin. */
  .dot {
    display: inline-block;
    inline-size: 0.55em;
    block-size: 0.55em;
    margin-inline-end: 0.5em;
    border: 1.5px solid currentColor;
    border-radius: 50%;
  }
  .dot.edge {
    background: currentColor;
  }
  @media (forced-colors: active) {
    .dot.edge {
      background: CanvasText;
      forced-color-adjust: none;
    }
  }
  .moving .dot {
    animation: breathe 1.4s ease-in-out infinite;
  }
  .dot:has(+ .dot) {
    margin-inline-end: 0.2em;
  }
  .facts dl {
    display: grid;
    gap: var(--space) calc(var(--space) * 4);
    padding-block: var(--space) calc(var(--space) * 2);
  }
  .facts dl div {
    display: grid;
    grid-template-columns: minmax(0, 13em) minmax(0, 1fr);
    gap: calc(var(--space) * 3);
  }
  .facts dd {
    color: var(--text);
  }
  .with-marks {
    position: relative;
  }
  .mark {
    position: absolute;
    inset-inline-end: calc(100% + var(--space) * 1.5);
    display: flex;
    align-items: center;
    gap: calc(var(--space) * 2);
    block-size: 0;
    color: var(--muted);
    font-size: calc(var(--size) * 0.75);
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .mark::after {
    content: '';
    inline-size: calc(var(--space) * 2.5);
    border-block-start: 1px solid currentColor;
  }
  .mark-speeds {
    display: none;
  }
  @container chat (inline-size > 1100px) {
    .mark::after {
      inline-size: calc(var(--space) * 6);
    }
    .markdown ~ .mark .mark-speeds {
      display: inline;
    }
  }
`
