import 'fake-indexeddb/auto'
import { expect } from 'vitest'
import type { Conversation } from '../../src/widget/conversation.ts'
import { Conversations } from '../../src/widget/conversations.ts'
import type { AssistantTurn, ChatHost, Turn } from '../../src/widget/turns.ts'

/** Elements of several tabs of one browser: they share its databases. */
export class Tabs {
  readonly #open: Conversations[] = []

  async open(endpoint: string, host: Partial<ChatHost> = {}): Promise<Conversations> {
    const opened = new Conversations({ endpoint, requestUpdate: () => {}, ...host })
    this.#open.push(opened)
    opened.hostConnected()
    await opened.ready
    return opened
  }

  /** As a tab is closed: its answers go on at the server. */
  async close(tab: Conversations): Promise<void> {
    this.#open.splice(this.#open.indexOf(tab), 1)
    await tab.leave()
  }

  async closeAll(): Promise<void> {
    for (const tab of [...this.#open]) await this.close(tab)
  }
}

export const turnsOf = (conversation: Conversation): Turn[] => conversation.turns.map(({ turn }) => turn)
export const said = (conversation: Conversation) => turnsOf(conversation).map(({ content }) => content)
export const last = (conversation: Conversation) => turnsOf(conversation).at(-1) as AssistantTurn
export const until = (check: () => unknown) => expect.poll(check, { timeout: 20_000, interval: 5 }).toBeTruthy()
