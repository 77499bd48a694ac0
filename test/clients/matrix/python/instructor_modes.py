"""instructor: TOOLS, its default, for the forced tool; JSON_SCHEMA for the schema."""

from typing import Literal

import instructor
import openai
from pydantic import BaseModel

from cells import expect, serve


class Pet(BaseModel):
    animal: Literal["cat", "dog"]
    tame: bool


def create(url: str, model: str, mode: instructor.Mode, response_model, content: str, **options):
    client = instructor.from_openai(openai.OpenAI(base_url=url, api_key="none", max_retries=0), mode=mode)
    messages = [{"role": "user", "content": content}]
    return client.chat.completions.create(
        model=model, messages=messages, response_model=response_model, max_retries=0, temperature=0, **options
    )


def schema(url: str, model: str) -> None:
    got = create(url, model, instructor.Mode.JSON_SCHEMA, Pet, "Name a pet, as JSON.", max_tokens=100)
    expect(isinstance(got, Pet), got)


def forced_tool(url: str, model: str) -> None:
    got = create(url, model, instructor.Mode.TOOLS, Pet, "Name a pet.", max_tokens=100)
    expect(isinstance(got, Pet), got)


def stream(url: str, model: str) -> None:
    partial = create(
        url, model, instructor.Mode.TOOLS, instructor.Partial[Pet], "Name a pet.", max_tokens=100, stream=True
    )
    pets = list(partial)
    expect(len(pets) > 1 and pets[-1].animal in ("cat", "dog"), pets)


serve({"schema": schema, "forced tool": forced_tool, "stream": stream})
