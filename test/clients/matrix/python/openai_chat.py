"""openai, Chat Completions."""

from typing import Literal

import openai
from pydantic import BaseModel

from cells import HELLO, STORY, THOUGHT, WEATHER_QUESTION, expect, serve


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
            "additionalProperties": False,
        },
    },
}


def completions(url: str):
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0).chat.completions


def ask(content: str) -> list:
    return [{"role": "user", "content": content}]


def answer(url: str, model: str) -> None:
    got = completions(url).create(model=model, messages=ask(HELLO), max_tokens=16)
    expect(got.choices[0].message.content and got.usage.completion_tokens > 0, got)


def stream(url: str, model: str) -> None:
    # Its helper of this name raises where max_tokens ends the answer.
    options = {"max_tokens": 16, "stream": True, "stream_options": {"include_usage": True}}
    chunks = list(completions(url).create(model=model, messages=ask(HELLO), **options))
    texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    expect(len(texts) > 3 and "".join(texts) and chunks[-1].usage.completion_tokens > 0, texts)


def hang_up(url: str, model: str) -> None:
    with completions(url).create(model=model, messages=ask(STORY), max_tokens=1500, stream=True) as chunks:
        for chunk in chunks:
            if chunk.choices[0].delta.content:
                break
        else:
            raise EOFError("the stream ended by itself")


def schema(url: str, model: str) -> None:
    got = completions(url).parse(
        model=model, messages=ask("Name a pet, as JSON."), response_format=Pet, max_tokens=100, temperature=0
    )
    expect(isinstance(got.choices[0].message.parsed, Pet), got)


def forced_tool(url: str, model: str) -> None:
    options = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 100, "temperature": 0}
    got = completions(url).create(model=model, messages=ask(WEATHER_QUESTION), tools=[WEATHER], **options)
    call = got.choices[0].message.tool_calls[0].function
    expect(call.name == "weather" and '"city"' in call.arguments, call)


def tool_loop(url: str, model: str) -> None:
    messages = ask(WEATHER_QUESTION)
    asked = completions(url).create(model=model, messages=messages, tools=[WEATHER]).choices[0].message
    result = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "sunny"}
    got = completions(url).create(model=model, messages=[*messages, asked, result], tools=[WEATHER])
    expect("sunny" in got.choices[0].message.content, got)


def reasoning(url: str, model: str) -> None:
    got = completions(url).create(model=model, messages=ask(HELLO))
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
