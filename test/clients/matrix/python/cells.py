"""What a client's script shares: it runs one cell of the matrix a line.

Standard input: a JSON object a line, {feature, url, model}; url ends in /v1. Standard output: a JSON object a line: {} where the client
does it, {why} where it fails.
"""

import json
import sys
from typing import Callable

HELLO = "Say hello."
STORY = "Tell me a very long story about a mill by the sea."
# Of the scripted model.
WEATHER_QUESTION = "How is the weather in Rome?"
THOUGHT = "Hm."


def expect(condition: object, what: object) -> None:
    if not condition:
        raise AssertionError(f"got {what!r}")


def serve(cells: dict[str, Callable[[str, str], None]]) -> None:
    """cells: a function of url and model for each feature, which raises where it does not work."""
    # Libraries print advice.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        cell = json.loads(line)
        try:
            cells[cell["feature"]](cell["url"], cell["model"])
            answer = {}
        except Exception as error:
            answer = {"why": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
