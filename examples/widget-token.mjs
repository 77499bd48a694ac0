// Of the server of a site: its pages get a token here, for themselves alone, and never see the key. Ask first who it is that asks you.
import { createServer } from 'node:http'

const { BASE_URL = 'http://localhost:8787/v1', API_KEY, SITE = 'http://localhost:8080', PORT = 8080 } = process.env

createServer(async (_, response) => {
  const made = await fetch(`${BASE_URL}/widget-tokens`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${API_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ site: SITE, seconds: 600, requests: 30, tokens: 10_000 }),
  })
  response.writeHead(made.status, { 'Content-Type': 'application/json' }).end(await made.text())
}).listen(PORT)
