import 'nanbeige-chat'
import { endpoint, suggestions, tell, tokenProvider } from './page.js'

const chat = document.createElement('nanbeige-chat')
Object.assign(chat, { endpoint, suggestions, tokenProvider })
for (const type of ['send', 'reasoning', 'handover', 'finish']) chat.addEventListener(type, tell)
document.querySelector('#app').append(chat)
