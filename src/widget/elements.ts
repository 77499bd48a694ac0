// What a page gets with widget.js: the elements, by the names that it writes.
import { NanbeigeChatLauncher } from './launcher.ts'
import { NanbeigeChat } from './nanbeige-chat.ts'
import type { NanbeigeChatElement, NanbeigeChatLauncherElement } from './public.ts'

const elements: {
  'nanbeige-chat': new () => NanbeigeChatElement
  'nanbeige-chat-launcher': new () => NanbeigeChatLauncherElement
} = { 'nanbeige-chat': NanbeigeChat, 'nanbeige-chat-launcher': NanbeigeChatLauncher }

for (const [name, element] of Object.entries(elements)) {
  // A page that loads the script twice has each element once.
  if (!customElements.get(name)) customElements.define(name, element)
}
