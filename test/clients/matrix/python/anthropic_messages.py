"""anthropic, Messages."""

from typing import Literal

import anthropic
from pydantic import BaseModel

from cells import HELLO, STORY, THOUGHT, WEATHER_QUESTION, expect, serve


class Pet(BaseModel):
    animal: Literal["cat", "dog"]
    tame: bool


WEATHER = {
    "name": "weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


# A field of the API that the SDK has given up.
GREEDY = {"temperature": 0}


def messages(url: str):
    return anthropic.Anthropic(base_url=url.removesuffix("/v1"), api_key="none", max_retries=0).messages


def ask(content: str) -> list:
    return [{"role": "user", "content": content}]


def answer(url: str, model: str) -> None:
    got = messages(url).create(model=model, messages=ask(HELLO), max_tokens=16)
    counted = messages(url).count_tokens(model=model, messages=ask(HELLO))
    expect(got.content[0].text and got.usage.input_tokens + got.usage.cache_read_input_tokens == counted.input_tokens, got)


def stream(url: str, model: str) -> None:
    with messages(url).stream(model=model, messages=ask(HELLO), max_tokens=16) as events:
        texts = list(events.text_stream)
        final = events.get_final_message()
    expect(len(texts) > 3 and "".join(texts) == final.content[0].text, texts)


def hang_up(url: str, model: str) -> None:
    with messages(url).stream(model=model, messages=ask(STORY), max_tokens=1500) as events:
        for text in events.text_stream:
            if text:
                break
        else:
            raise EOFError("the stream ended by itself")


def schema(url: str, model: str) -> None:
    got = messages(url).parse(model=model, messages=ask("Name a pet, as JSON."), output_format=Pet, max_tokens=100, extra_body=GREEDY)
    expect(isinstance(got.parsed_output, Pet), got)


def forced_tool(url: str, model: str) -> None:
    choice = {"type": "any", "disable_parallel_tool_use": True}
    options = {"tool_choice": choice, "max_tokens": 100, "extra_body": GREEDY}
    got = messages(url).create(model=model, messages=ask(WEATHER_QUESTION), tools=[WEATHER], **options)
    call = next(block for block in got.content if block.type == "tool_use")
    expect(call.name == "weather" and "city" in call.input, got)


def tool_loop(url: str, model: str) -> None:
    asked = messages(url).create(model=model, messages=ask(WEATHER_QUESTION), tools=[WEATHER], max_tokens=1000)
    call = next(block for block in asked.content if block.type == "tool_use")
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}
    history = [*ask(WEATHER_QUESTION), {"role": "assistant", "content": asked.content}, result]
    got = messages(url).create(model=model, messages=history, tools=[WEATHER], max_tokens=1000)
    expect("sunny" in got.content[-1].text, got)


def reasoning(url: str, model: str) -> None:
    with messages(url).stream(model=model, messages=ask(HELLO), max_tokens=1000) as events:
        thinking = "".join(event.thinking for event in events if event.type == "thinking")
    expect(thinking == THOUGHT, thinking)


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
