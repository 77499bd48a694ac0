import 'nanbeige-chat'
import { createRoot } from 'react-dom/client'
import { endpoint, suggestions, tell, tokenProvider } from './page.js'

function App() {
  return (
    <nanbeige-chat
      endpoint={endpoint}
      suggestions={suggestions}
      tokenProvider={tokenProvider}
      onsend={tell}
      onreasoning={tell}
      onhandover={tell}
      onfinish={tell}
    />
  )
}

createRoot(document.querySelector('#app')).render(<App />)
