// What tests of Markdown look at in a browser: an element that shows nothing else, in a shadow root as the widget's.
import { html, LitElement } from 'lit'
import { type MarkdownOptions, markdown } from '../../src/widget/markdown/markdown.ts'
import { styles } from '../../src/widget/styles.ts'

class MarkdownView extends LitElement {
  static override styles = styles
  static override properties = { text: { state: true }, options: { state: true } }

  declare text: string
  declare options: MarkdownOptions

  constructor() {
    super()
    this.text = ''
    this.options = {}
  }

  protected override render() {
    return html`<article><div class="markdown ${this.options.streaming ? 'streaming' : ''}">${markdown(this.text, this.options)}</div></article>`
  }
}

customElements.define('markdown-view', MarkdownView)
