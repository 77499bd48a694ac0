// What a page gets with widget.js.

export { NanbeigeChatLauncher } from './launcher.ts'
export { NanbeigeChat } from './nanbeige-chat.ts'
