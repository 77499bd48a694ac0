import type { z } from 'zod'
import { jsonSchema } from './json-schema.ts'
import * as objects from './objects.ts'
import { OPERATIONS, type Operation } from './operations.ts'

/** The API in the words of OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.1 */
export function openApiDocument(version: string) {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of OPERATIONS) {
    const [method, path] = operation.at.split(' ')
    paths[path] ??= {}
    paths[path][method.toLowerCase()] = operationObject(operation, path)
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'nanbeige-edge',
      version,
      summary: 'A language model at the edge, by the APIs of OpenAI and Anthropic.',
      description:
        'Fields that are not named here are let through where they change nothing; fields that contradict each other are a 400 that names them.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Of where this document is.
    servers: [{ url: '/' }],
    tags: [...new Set(OPERATIONS.map(({ of }) => of))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key of the server, where it has some.' },
        anthropicKey: {
          type: 'apiKey',
          in: 'header',
          name: 'x-api-key',
          description: 'The same, as Anthropic’s clients send it.',
        },
      },
    },
    security: [{ key: [] }, { anthropicKey: [] }, {}],
  }
}

function operationObject(operation: Operation, path: string) {
  const { at, does, of, body, answer, events, text, error = objects.error, isOpen } = operation
  return {
    operationId: at.replaceAll(/[^A-Za-z0-9]+/g, '_').replaceAll(/^_|_$/g, ''),
    summary: does,
    tags: [of],
    ...(isOpen && { security: [] }),
    parameters: parameters(operation, path),
    ...(body && { requestBody: { required: true, content: json(body, 'input') } }),
    responses: {
      200: {
        description: [answer && 'The answer.', events, text].filter(Boolean).join(' '),
        content: {
          ...(answer && json(answer, 'output')),
          ...(text !== undefined && { 'text/plain': { schema: { type: 'string' } } }),
          ...(events !== undefined && { 'text/event-stream': { schema: { type: 'string' } } }),
        },
      },
      default: { description: 'What is wrong, and what to do.', content: json(error, 'output') },
    },
  }
}

function parameters({ query, headers = {} }: Operation, path: string) {
  const text = { type: 'string' }
  const queries = Object.entries(query?.shape ?? {}) as [string, z.ZodType][]
  return [
    ...Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({ name, in: 'path', required: true, schema: text })),
    ...queries.map(([name, schema]) => ({ name, in: 'query', schema: jsonSchema(schema, 'input') })),
    ...Object.entries(headers).map(([name, description]) => ({ name, in: 'header', description, schema: text })),
  ]
}

function json(schema: z.ZodType, io: 'input' | 'output') {
  return { 'application/json': { schema: jsonSchema(schema, io) } }
}
