"""langchain-openai's ChatOpenAI, as it comes."""

from typing import Literal

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from cells import HELLO, STORY, WEATHER_QUESTION, expect, serve


class Pet(BaseModel):
    """A pet."""

    animal: Literal["cat", "dog"]
    tame: bool


@tool
def weather(city: Literal["Rome", "Oslo"]) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def chat(url: str, model: str, **options) -> ChatOpenAI:
    return ChatOpenAI(base_url=url, api_key="none", model=model, max_retries=0, **options)


def answer(url: str, model: str) -> None:
    got = chat(url, model, max_tokens=16).invoke(HELLO)
    expect(got.content and got.usage_metadata["output_tokens"] > 0, got)


def stream(url: str, model: str) -> None:
    chunks = [chunk.content for chunk in chat(url, model, max_tokens=16).stream(HELLO)]
    expect(len(chunks) > 3 and "".join(chunks), chunks)


def hang_up(url: str, model: str) -> None:
    chunks = chat(url, model, max_tokens=1500).stream(STORY)
    for chunk in chunks:
        if chunk.content:
            break
    else:
        raise EOFError("the stream ended by itself")
    chunks.close()


def schema(url: str, model: str) -> None:
    got = chat(url, model, max_tokens=100, temperature=0).with_structured_output(Pet).invoke("Name a pet, as JSON.")
    expect(isinstance(got, Pet), got)


def forced_tool(url: str, model: str) -> None:
    bound = chat(url, model, max_tokens=100, temperature=0).bind_tools([weather], tool_choice="any")
    got = bound.invoke(WEATHER_QUESTION)
    expect(got.tool_calls[0]["name"] == "weather" and "city" in got.tool_calls[0]["args"], got)


def tool_loop(url: str, model: str) -> None:
    bound = chat(url, model).bind_tools([weather])
    asked = bound.invoke(WEATHER_QUESTION)
    call = asked.tool_calls[0]
    result = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
    got = bound.invoke([HumanMessage(WEATHER_QUESTION), asked, result])
    expect("sunny" in got.content, got)


serve(
    {
        "answer": answer,
        "stream": stream,
        "hang up": hang_up,
        "schema": schema,
        "forced tool": forced_tool,
        "tool loop": tool_loop,
    }
)
