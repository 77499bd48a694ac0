import type { z } from 'zod'
import { textCompletionBody } from '../completion-body.ts'
import { detokenizeBody } from '../detokenize.ts'
import { messagesBody, promptBody } from '../messages/body.ts'
import { responseBody } from '../responses/body.ts'
import { pageQuery } from '../responses/input-items.ts'
import { retrieveQuery } from '../responses/routes.ts'
import { completionBody } from '../schemas.ts'
import { tokenizeBody } from '../tokenize.ts'
import { widgetTokenBody } from '../widget-tokens.ts'
import * as objects from './objects.ts'

export interface Operation {
  /** `POST /v1/chat/completions`, with parts in braces that vary. */
  readonly at: string
  readonly does: string
  /** The heading that it stands under. */
  readonly of: 'Chats' | 'Responses' | 'Messages' | 'Texts' | 'Models' | 'Tokens' | 'Server'
  readonly query?: z.ZodObject
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: z.ZodType
  /** JSON of the answer; left out: it is told as events only. */
  readonly answer?: z.ZodType
  /** What its answer is told as where the body asks for it, or always. */
  readonly events?: string
  /** What its answer is, where that is a text. */
  readonly text?: string
  /** The form of its errors; left out: OpenAI's. */
  readonly error?: z.ZodType
  /** Without a key too. */
  readonly isOpen?: boolean
}

const ROUTE = { 'x-nanbeige-route': '`edge`, `origin` or `auto`: where the answer should come from' }
const STREAM = { ...ROUTE, 'x-nanbeige-resumable': '`1`: a stream goes on for 60 seconds without its client' }

/** All that the API has (app.ts). */
export const OPERATIONS: readonly Operation[] = [
  {
    at: 'POST /v1/chat/completions',
    does: "Answers a chat, through the model's template.",
    of: 'Chats',
    headers: STREAM,
    body: completionBody,
    answer: objects.chatCompletion,
    events: 'With `stream`: chunks, `data: {"object": "chat.completion.chunk", …}`, and `data: [DONE]`.',
  },
  {
    at: 'GET /v1/chat/completions/{id}/events',
    does: 'Goes on telling a stream, behind the event that was read last.',
    of: 'Chats',
    headers: { 'Last-Event-ID': 'the `id` of that event; without it all are told' },
    events: 'The events of the stream.',
  },
  {
    at: 'POST /v1/chat/completions/{id}/cancel',
    does: 'Ends a stream.',
    of: 'Chats',
    answer: objects.cancelled,
  },
  {
    at: 'POST /v1/chat/completions/{id}/answer',
    does: 'Ends the thinking of a stream: the answer follows in it.',
    of: 'Chats',
    answer: objects.answering,
  },
  {
    at: 'POST /v1/responses',
    does: 'Responds, with what was said before where it is stored.',
    of: 'Responses',
    headers: ROUTE,
    body: responseBody,
    answer: objects.response,
    events: 'With `stream`: events by name, as `response.output_text.delta`, and `data: [DONE]`.',
  },
  {
    at: 'POST /v1/responses/input_tokens',
    does: 'Counts the tokens that the prompt of a response would have.',
    of: 'Responses',
    body: responseBody,
    answer: objects.responseInputTokens,
  },
  {
    at: 'GET /v1/responses/{id}',
    does: 'Tells a response again.',
    of: 'Responses',
    query: retrieveQuery,
    answer: objects.response,
    events: 'With `stream`: its events, also while they are made.',
  },
  { at: 'DELETE /v1/responses/{id}', does: 'Forgets a response.', of: 'Responses', answer: objects.deletedResponse },
  { at: 'POST /v1/responses/{id}/cancel', does: 'Ends a response.', of: 'Responses', answer: objects.response },
  {
    at: 'GET /v1/responses/{id}/input_items',
    does: 'Tells what a response was asked.',
    of: 'Responses',
    query: pageQuery,
    answer: objects.inputItems,
  },
  {
    at: 'POST /v1/messages',
    does: "Answers in the form of Anthropic's API.",
    of: 'Messages',
    headers: ROUTE,
    body: messagesBody,
    answer: objects.message,
    events: 'With `stream`: events by name, from `message_start` to `message_stop`.',
    error: objects.messagesError,
  },
  {
    at: 'POST /v1/messages/count_tokens',
    does: 'Counts the tokens of a prompt.',
    of: 'Messages',
    body: promptBody,
    answer: objects.messageTokens,
    error: objects.messagesError,
  },
  {
    at: 'POST /v1/completions',
    does: 'Goes on with a text, or tokens, as they are.',
    of: 'Texts',
    headers: STREAM,
    body: textCompletionBody,
    answer: objects.textCompletion,
    events: 'With `stream`: chunks, and `data: [DONE]`.',
  },
  { at: 'GET /v1/models', does: 'Tells the model that is here.', of: 'Models', answer: objects.modelList },
  {
    at: 'GET /v1/models/{id}',
    does: 'Tells whether a model is here, and what it can.',
    of: 'Models',
    answer: objects.model,
  },
  { at: 'GET /props', does: 'Tells what llama-server tells of its model.', of: 'Models', answer: objects.props },
  ...['', '/v1'].flatMap((prefix): Operation[] => [
    {
      at: `POST ${prefix}/tokenize`,
      does: 'Tells the tokens of a text or a chat.',
      of: 'Tokens',
      body: tokenizeBody,
      answer: objects.tokens,
    },
    {
      at: `POST ${prefix}/detokenize`,
      does: 'Tells the text of tokens.',
      of: 'Tokens',
      body: detokenizeBody,
      answer: objects.text,
    },
  ]),
  {
    at: 'POST /v1/widget-tokens',
    does: 'Makes a token with which the pages of one site chat without a key.',
    of: 'Server',
    body: widgetTokenBody,
    answer: objects.widgetToken,
  },
  {
    at: 'GET /metrics',
    does: "Counts and times since the start, in Prometheus' text format.",
    of: 'Server',
    text: 'Lines for Prometheus.',
  },
  ...['/healthz', '/health'].map(
    (path): Operation => ({
      at: `GET ${path}`,
      does: 'Tells whether the server works, and with a key how.',
      of: 'Server',
      answer: objects.health,
      isOpen: true,
    }),
  ),
]
