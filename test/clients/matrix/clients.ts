import { type Client, pythonClient } from './client.ts'
import { byDefault, compatible } from './node/ai.ts'
import { anthropic } from './node/anthropic.ts'
import { langchain } from './node/langchain.ts'
import { chatCompletions, responses } from './node/openai.ts'

const noReasoning = { reasoning: 'reads no `reasoning_content`' }

/** The rows of the matrix; versions of Python's packages as scripts/install-python-clients.sh has them. */
export const CLIENTS: readonly Client[] = [
  chatCompletions,
  responses,
  compatible,
  byDefault,
  langchain,
  anthropic,
  pythonClient('openai for Python, Chat Completions', 'openai 3.57.0', {
    environment: 'clients',
    script: 'openai_chat.py',
  }),
  pythonClient('openai for Python, Responses', 'openai 3.57.0', {
    environment: 'clients',
    script: 'openai_responses.py',
  }),
  pythonClient('LangChain, ChatOpenAI', 'langchain-openai 1.7.4', {
    environment: 'clients',
    script: 'langchain_chat.py',
    lacks: noReasoning,
  }),
  pythonClient('LlamaIndex, OpenAILike as it comes (Completions)', 'llama-index-llms-openai-like 0.8.1', {
    environment: 'llama-index',
    script: 'llama_index_like.py',
    lacks: {
      schema: 'asks for text alone',
      'forced tool': 'asks for text alone',
      'tool loop': 'asks for text alone',
      reasoning: 'asks for text alone',
    },
  }),
  pythonClient('LiteLLM, openai/', 'litellm 1.110.2', {
    environment: 'litellm',
    script: 'litellm_chat.py',
    args: ['openai'],
  }),
  pythonClient('LiteLLM, anthropic/', 'litellm 1.110.2', {
    environment: 'litellm',
    script: 'litellm_chat.py',
    args: ['anthropic'],
  }),
  pythonClient('pydantic-ai, OpenAIChatModel', 'pydantic-ai-slim 2.68.0', {
    environment: 'clients',
    script: 'pydantic_ai_chat.py',
  }),
  pythonClient('instructor, TOOLS and JSON_SCHEMA', 'instructor 1.17.0', {
    environment: 'instructor',
    script: 'instructor_modes.py',
    lacks: {
      answer: 'asks for objects alone',
      'hang up': 'asks for objects alone',
      'tool loop': 'asks for objects alone',
      reasoning: 'asks for objects alone',
    },
  }),
  pythonClient('llm', 'llm 0.36', {
    environment: 'clients',
    script: 'llm_model.py',
    lacks: { 'forced tool': 'has no tool choice', ...noReasoning },
  }),
  pythonClient('Anthropic SDK for Python, Messages', 'anthropic 2.14.0', {
    environment: 'clients',
    script: 'anthropic_messages.py',
  }),
]
