import { css } from 'lit'
import { markdownStyles } from './markdown/styles.ts'
import { composerStyles } from './views/composer-styles.ts'
import { controlStyles } from './views/control-styles.ts'
import { drawerStyles } from './views/drawer-styles.ts'
import { frameStyles } from './views/frame-styles.ts'
import { messageStyles } from './views/message-styles.ts'
import { sourceStyles } from './views/source-styles.ts'
import { thinkingStyles } from './views/thinking-styles.ts'
import { toolStyles } from './views/tool-styles.ts'

// Pages may set the --nanbeige-* properties; everything else follows from them. The colour scheme is the page's.
const theme = css`
  :host {
    --accent: var(--nanbeige-accent, light-dark(#17705a, #6cc9ae));
    --on-accent: var(--nanbeige-on-accent, light-dark(#ffffff, #0c1512));
    --background: var(--nanbeige-background, light-dark(#fdfdfb, #161816));
    --surface: var(--nanbeige-surface, light-dark(#f1f2ee, #222522));
    --text: var(--nanbeige-text, light-dark(#1d211f, #e6e8e4));
    --muted: var(--nanbeige-muted, light-dark(#5f6662, #9aa19c));
    --border: var(--nanbeige-border, light-dark(#dfe2dc, #343834));
    /* Of what can be written into: 3:1 against the background. */
    --field-border: var(--nanbeige-field-border, light-dark(#878e89, #6f7671));
    --danger: var(--nanbeige-danger, light-dark(#a3291f, #f09a90));
    --radius: var(--nanbeige-radius, 14px);

    /* A scale of three sizes over the size of the text, and distances in quarters of it. */
    --size: var(--nanbeige-font-size, 16px);
    --small: calc(var(--size) * 0.875);
    --tiny: calc(var(--size) * 0.8125);
    --large: calc(var(--size) * 1.5);
    --space: calc(var(--size) / 4);
    --measure: calc(var(--size) * 44);
    --edge: max(calc(var(--space) * 4), (100% - var(--measure)) / 2);
    font: var(--size) / 1.6 var(--nanbeige-font, system-ui, sans-serif);
  }
`

export const styles = [
  theme,
  frameStyles,
  controlStyles,
  messageStyles,
  markdownStyles,
  thinkingStyles,
  sourceStyles,
  toolStyles,
  composerStyles,
  drawerStyles,
]
