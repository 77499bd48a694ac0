"""openai, Responses."""

from typing import Literal

import openai
from pydantic import BaseModel

from cells import HELLO, STORY, THOUGHT, WEATHER_QUESTION, expect, serve


class Pet(BaseModel):
    animal: Literal["cat", "dog"]
    tame: bool


WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


def responses(url: str):
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0).responses


def answer(url: str, model: str) -> None:
    got = responses(url).create(model=model, input=HELLO, max_output_tokens=16)
    expect(got.output_text and got.usage.output_tokens > 0, got)


def stream(url: str, model: str) -> None:
    with responses(url).stream(model=model, input=HELLO, max_output_tokens=16) as events:
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    expect(len(deltas) > 3, deltas)


def hang_up(url: str, model: str) -> None:
    with responses(url).create(model=model, input=STORY, max_output_tokens=1500, stream=True, store=False) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                break
        else:
            raise EOFError("the stream ended by itself")


def schema(url: str, model: str) -> None:
    got = responses(url).parse(
        model=model, input="Name a pet, as JSON.", text_format=Pet, max_output_tokens=100, temperature=0
    )
    expect(isinstance(got.output_parsed, Pet), got)


def forced_tool(url: str, model: str) -> None:
    options = {"tool_choice": "required", "parallel_tool_calls": False, "max_output_tokens": 100, "temperature": 0}
    got = responses(url).create(model=model, input=WEATHER_QUESTION, tools=[WEATHER], **options)
    calls = [item for item in got.output if item.type == "function_call"]
    expect(calls and calls[0].name == "weather" and '"city"' in calls[0].arguments, got)


def tool_loop(url: str, model: str) -> None:
    asked = responses(url).create(model=model, input=WEATHER_QUESTION, tools=[WEATHER])
    call = next(item for item in asked.output if item.type == "function_call")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    got = responses(url).create(model=model, input=[result], previous_response_id=asked.id, tools=[WEATHER])
    expect("sunny" in got.output_text, got)


def reasoning(url: str, model: str) -> None:
    got = responses(url).create(model=model, input=HELLO)
    thought = next(item for item in got.output if item.type == "reasoning")
    expect(thought.content[0].text == THOUGHT, thought)


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
