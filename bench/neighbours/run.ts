// The longest gap of a running stream beside a neighbour that sends one body of 4 MiB after the other, over sockets to workerd.
//
//   npm run bench:neighbours             a stream of 400 tokens beside each kind of body
//   npm run bench:neighbours -- 100      of 100 tokens
import { Agent, request } from 'node:http'
import { once } from 'node:events'
import { startWorker } from '../../scripts/start-worker.ts'
import { type Heard, type Visit, visit } from '../crowd/visit.ts'
import { median } from '../median.ts'
import { percentile } from '../percentile.ts'

const [TOKENS = 400] = process.argv.slice(2).map(Number)
const BYTES = 4 * 1024 * 1024
/** What the issue of a gap is: a reader takes a longer one for a stall. */
const MAX_GAP_MS = 300
/** Neighbours at a time. */
const NEIGHBOURS = 2

const filled = (start: string, piece: string, end: string) =>
  start + piece.repeat(Math.floor((BYTES - start.length - end.length) / Buffer.byteLength(piece))) + end
const message = (piece: string) => filled('{"messages":[{"role":"user","content":"', piece, '"}]}')
const BODIES: Record<string, string | undefined> = {
  'nobody': undefined,
  'spaces in a message': message(' '),
  'one word in a message': message('x'),
  'words in a message': message('many words '),
  'emoji in a message': message('😀'),
  'spaces around nothing': filled('', ' ', '{}'),
  'numbers for messages': filled('{"messages":[0', ',1', ']}'),
  '{} for messages': filled('{"messages":[{}', ',{}', ']}'),
  '{} for parts': filled('{"messages":[{"role":"user","content":[{}', ',{}', ']}]}'),
}
