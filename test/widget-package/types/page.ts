// What a page with TypeScript writes; it is compiled against the package alone.
import 'nanbeige-chat'
import type { TokenProvider, Tool } from 'nanbeige-chat'

const tool: Tool = { name: 'now', run: () => Date.now() }
const token: TokenProvider = async () => 'token'

const chat = document.querySelector('nanbeige-chat')!
chat.tools = [tool]
chat.tokenProvider = token
chat.suggestions = ['Why?']
chat.texts = { send: 'Go' }
chat.addEventListener('handover', ({ detail }) => {
  const name: string | undefined = detail.move.origin
  console.log(name, detail.turn.content)
})
chat.addEventListener('error', (event) => console.log(event.detail.error.kind === 'busy'))
chat.addEventListener('click', () => chat.ask('Why?'))

// @ts-expect-error: there is no such effort
chat.effort = 'much'
// @ts-expect-error: a question does not move
chat.addEventListener('send', ({ detail }) => detail.move)

document.createElement('nanbeige-chat-launcher').open = true
