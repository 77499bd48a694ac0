"""llm, with a model of its extra-openai-models.yaml."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

folder = tempfile.TemporaryDirectory()
os.environ["LLM_USER_PATH"] = folder.name
import llm
from pydantic import BaseModel

from cells import HELLO, STORY, WEATHER_QUESTION, expect, serve


class Pet(BaseModel):
    animal: Literal["cat", "dog"]
    tame: bool


def model_of(url: str, model: str) -> llm.Model:
    entry = f"- model_id: edge\n  model_name: {model}\n  api_base: {url}\n  supports_schema: true\n  supports_tools: true\n"
    (Path(folder.name) / "extra-openai-models.yaml").write_text(entry)
    return llm.get_model("edge")


def answer(url: str, model: str) -> None:
    got = model_of(url, model).prompt(HELLO, stream=False, max_tokens=16)
    expect(got.text() and got.usage().output > 0, got.text())


def stream(url: str, model: str) -> None:
    pieces = list(model_of(url, model).prompt(HELLO, max_tokens=16))
    expect(len(pieces) > 3, pieces)


def hang_up(url: str, model: str) -> None:
    # As a library it keeps the connection; most people run its command, and interrupt it.
    model_of(url, model)
    command = [sys.executable, "-m", "llm", "-m", "edge", "-o", "max_tokens", "1500", "--key", "none", "--no-log", STORY]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        expect(process.stdout.read(1), "nothing")
        process.send_signal(signal.SIGINT)


def schema(url: str, model: str) -> None:
    got = model_of(url, model).prompt("Name a pet, as JSON.", schema=Pet, stream=False, max_tokens=100, temperature=0)
    Pet.model_validate_json(got.text())


def tool_loop(url: str, model: str) -> None:
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"sunny in {city}"

    got = model_of(url, model).chain(WEATHER_QUESTION, tools=[weather], stream=False).text()
    expect("sunny" in got, got)


serve({"answer": answer, "stream": stream, "hang up": hang_up, "schema": schema, "tool loop": tool_loop})
