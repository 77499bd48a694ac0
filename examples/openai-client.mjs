// The openai package: the models, a whole answer, and one that is streamed.
import OpenAI from 'openai'

const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? 'http://localhost:8787/v1',
  apiKey: process.env.API_KEY ?? 'none',
})

const { data: models } = await client.models.list()
const model = models[0].id
console.log(`Model: ${model}`)

const whole = await client.chat.completions.create({
  model,
  messages: [{ role: 'user', content: 'What is the capital of France?' }],
  max_tokens: 32,
})
console.log(`Whole: ${whole.choices[0].message.content}`)

const stream = await client.chat.completions.create({
  model,
  messages: [{ role: 'user', content: 'Count to five.' }],
  max_tokens: 32,
  stream: true,
})
process.stdout.write('Streamed: ')
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '')
console.log()
