"""pydantic-ai's OpenAIChatModel: outputs as calls of a tool, which is its default, and by a JSON schema."""

import asyncio
from typing import Literal

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.messages import ThinkingPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from cells import HELLO, STORY, THOUGHT, WEATHER_QUESTION, expect, serve


class Pet(BaseModel):
    animal: Literal["cat", "dog"]
    tame: bool


def agent(url: str, model: str, max_tokens: int = 1000, **options) -> Agent:
    chat = OpenAIChatModel(model, provider=OpenAIProvider(base_url=url, api_key="none"))
    return Agent(chat, model_settings={"max_tokens": max_tokens, "temperature": 0}, retries=0, **options)


def answer(url: str, model: str) -> None:
    got = agent(url, model, max_tokens=16).run_sync(HELLO)
    expect(got.output and got.usage.output_tokens > 0, got)


def stream(url: str, model: str) -> None:
    async def run() -> list[str]:
        async with agent(url, model, max_tokens=16).run_stream(HELLO) as result:
            return [text async for text in result.stream_text(delta=True, debounce_by=None)]

    texts = asyncio.run(run())
    expect(len(texts) > 3, texts)


def hang_up(url: str, model: str) -> None:
    async def run() -> None:
        async with agent(url, model, max_tokens=1500).run_stream(STORY) as result:
            async for _ in result.stream_text(delta=True, debounce_by=None):
                raise InterruptedError

    try:
        asyncio.run(run())
    except InterruptedError:
        return
    raise EOFError("the stream ended by itself")


def schema(url: str, model: str) -> None:
    got = agent(url, model, max_tokens=100, output_type=NativeOutput(Pet)).run_sync("Name a pet, as JSON.")
    expect(isinstance(got.output, Pet), got)


def forced_tool(url: str, model: str) -> None:
    got = agent(url, model, max_tokens=100, output_type=ToolOutput(Pet)).run_sync("Name a pet.")
    expect(isinstance(got.output, Pet), got)


def tool_loop(url: str, model: str) -> None:
    asking = agent(url, model)

    @asking.tool_plain
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"sunny in {city}"

    got = asking.run_sync(WEATHER_QUESTION)
    expect("sunny" in got.output, got)


def reasoning(url: str, model: str) -> None:
    got = agent(url, model).run_sync(HELLO)
    parts = [part for message in got.all_messages() for part in message.parts if isinstance(part, ThinkingPart)]
    expect([part.content for part in parts] == [THOUGHT], got.all_messages())


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
