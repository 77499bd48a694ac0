// What the server's own page says in the language of its visitor.
import type { NanbeigeChatElement } from '../public.ts'

const pages = {
  en: {
    title: 'Chat',
    welcome: 'What would you like to know?',
    claim: 'Private. Starts at the edge, no GPU.',
    suggestions: ['Is 9.11 or 9.8 larger?', 'Why is the sky blue?', 'Write a haiku about the sea.'],
  },
  zh: {
    title: '对话',
    welcome: '想了解什么？',
    claim: '私密。从边缘开始，无需 GPU。',
    suggestions: ['9.11 和 9.8 哪个大？', '天空为什么是蓝色的？', '写一首关于海的短诗。'],
  },
}

const language = navigator.language.startsWith('zh') ? 'zh' : 'en'
const { title, welcome, claim, suggestions } = pages[language]
document.documentElement.lang = language
document.title = title
for (const [selector, text] of Object.entries({ h1: title, '#welcome': welcome, '#claim': claim })) {
  document.querySelector(selector)!.textContent = text
}
const chat: NanbeigeChatElement = document.querySelector('nanbeige-chat')!
chat.lang = language
chat.suggestions = suggestions
