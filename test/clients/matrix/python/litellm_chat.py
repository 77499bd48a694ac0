"""LiteLLM. The provider is the script's first argument: openai for Chat Completions, anthropic for Messages."""

import os
import sys
from typing import Literal

# It asks GitHub for prices when it is imported, unless it is told not to.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
from pydantic import BaseModel

from cells import HELLO, STORY, THOUGHT, WEATHER_QUESTION, expect, serve

PROVIDER = sys.argv[1]


class Pet(BaseModel):
    animal: Literal["cat", "dog"]
    tame: bool


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
            "required": ["city"],
        },
    },
}


def complete(url: str, model: str, messages: list, **options):
    base = url if PROVIDER == "openai" else url.removesuffix("/v1")
    return litellm.completion(
        model=f"{PROVIDER}/{model}", api_base=base, api_key="none", max_retries=0, messages=messages, **options
    )


def ask(content: str) -> list:
    return [{"role": "user", "content": content}]


def answer(url: str, model: str) -> None:
    got = complete(url, model, ask(HELLO), max_tokens=16)
    expect(got.choices[0].message.content and got.usage.completion_tokens > 0, got)


def stream(url: str, model: str) -> None:
    chunks = complete(url, model, ask(HELLO), max_tokens=16, stream=True)
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks]
    expect(len(texts) > 3 and "".join(texts), texts)


def hang_up(url: str, model: str) -> None:
    chunks = complete(url, model, ask(STORY), max_tokens=1500, stream=True)
    for chunk in chunks:
        if chunk.choices[0].delta.content:
            break
    else:
        raise EOFError("the stream ended by itself")
    # It leaves the connection open for as long as somebody may read on.
    chunks.completion_stream.close()


def schema(url: str, model: str) -> None:
    got = complete(url, model, ask("Name a pet, as JSON."), response_format=Pet, max_tokens=100, temperature=0)
    Pet.model_validate_json(got.choices[0].message.content)


def forced_tool(url: str, model: str) -> None:
    got = complete(
        url, model, ask(WEATHER_QUESTION), tools=[WEATHER], tool_choice="required", max_tokens=100, temperature=0
    )
    call = got.choices[0].message.tool_calls[0].function
    expect(call.name == "weather" and '"city"' in call.arguments, got)


def tool_loop(url: str, model: str) -> None:
    asked = complete(url, model, ask(WEATHER_QUESTION), tools=[WEATHER]).choices[0].message
    result = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "sunny"}
    got = complete(url, model, [*ask(WEATHER_QUESTION), asked.model_dump(), result], tools=[WEATHER])
    expect("sunny" in got.choices[0].message.content, got)


def reasoning(url: str, model: str) -> None:
    got = complete(url, model, ask(HELLO))
    expect(got.choices[0].message.reasoning_content == THOUGHT, got)


serve(
    {
        "answer": answer,
        "stream": stream,
        "hang up": hang_up,
        "schema": schema,
        "forced tool": forced_tool,
        "tool loop": tool_loop,
        "reasoning": reasoning,
    }
)
