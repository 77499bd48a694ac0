"""llama-index's OpenAILike as it comes: it asks /v1/completions, for a chat too."""

import gc

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from cells import HELLO, expect, serve


# A text that goes on for long where nothing says who speaks.
COUNTING = "1, 2, 3, 4, 5, 6, 7, 8, 9,"


def like(url: str, model: str, max_tokens: int = 16) -> OpenAILike:
    return OpenAILike(model=model, api_base=url, api_key="none", max_tokens=max_tokens, max_retries=0, temperature=0)


def answer(url: str, model: str) -> None:
    got = like(url, model).complete(HELLO)
    expect(got.text, got)
    said = like(url, model).chat([ChatMessage(role="user", content=HELLO)])
    expect(said.message.content, said)


def stream(url: str, model: str) -> None:
    deltas = [chunk.delta for chunk in like(url, model).stream_complete(HELLO)]
    expect(len(deltas) > 3 and "".join(deltas), deltas)


def hang_up(url: str, model: str) -> None:
    chunks = like(url, model, max_tokens=1500).stream_complete(COUNTING)
    for chunk in chunks:
        if chunk.delta:
            break
    else:
        raise EOFError("the stream ended by itself")
    chunks.close()
    del chunks, chunk
    gc.collect()


serve({"answer": answer, "stream": stream, "hang up": hang_up})
