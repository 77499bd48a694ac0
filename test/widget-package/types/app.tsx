import 'nanbeige-chat'
import type {} from 'nanbeige-chat/react'

export const app = (
  <nanbeige-chat-launcher label="Ask us">
    <nanbeige-chat
      endpoint="https://chat.example.com"
      suggestions={['Why?']}
      tokenProvider={() => 'token'}
      onhandover={(event) => console.log(event.detail.move.origin)}
    />
  </nanbeige-chat-launcher>
)

// @ts-expect-error: numbers are no texts
export const wrong = <nanbeige-chat heading={1} />
