import type { ChatMessage } from '../../src/chat/messages.ts'
import type { Random } from '../../src/generate/random.ts'

const SUBJECTS = ['the sea', 'a mill', 'two brothers', 'the moon', 'a lost key', 'a winter road', 'an old clock']
const TASKS = [
  'sorts a list',
  'reverses a string',
  'adds two matrices',
  'counts words',
  'parses a date',
  'finds primes',
]
const LANGUAGES = ['Python', 'JavaScript', 'C', 'Rust', 'Go']
const TOPICS = ['mathematics', 'a bicycle', 'bread', 'chess', 'the weather', 'a long walk']
// Characters of one to four tokens each.
const CHARACTERS = [
  '😀',
  '🧬',
  '👩‍👧',
  '🦊',
  '好的',
  '你好世界',
  'こんにちは',
  'ξ',
  'Ωμέγα',
  'Привет',
  'naïve',
  '日本語',
  '한국어',
  '∑∞',
]

const user = (content: string): ChatMessage[] => [{ role: 'user', content }]

/** Chats of many kinds, in turn; the answers to every second one are full of characters of several bytes. */
export function prompts(count: number, random: Random): ChatMessage[][] {
  const one = (list: readonly string[]) => list[Math.floor(random() * list.length)]
  const characters = () => user(`Repeat exactly: ${Array.from({ length: 6 }, () => one(CHARACTERS)).join(' ')}`)
  const number = () => 10 + Math.floor(random() * 90)
  const kinds: (() => ChatMessage[])[] = [
    () => user(`Tell me a long story about ${one(SUBJECTS)}.`),
    characters,
    () => user(`Write a ${one(LANGUAGES)} function that ${one(TASKS)}, with comments.`),
    characters,
    () => user(`Explain step by step how to compute ${number()} × ${number()} + ${number()}.`),
    characters,
    () => [
      { role: 'user', content: `Hello, I would like to talk about ${one(TOPICS)}.` },
      { role: 'assistant', content: 'Gladly! What would you like to know? 😀' },
      { role: 'user', content: 'Everything. Please begin.' },
    ],
    characters,
  ]
  return Array.from({ length: count }, (_, index) => kinds[index % kinds.length]())
}
