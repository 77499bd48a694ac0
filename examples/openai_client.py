"""The openai package: the models, a whole answer, and one that is streamed."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("BASE_URL", "http://localhost:8787/v1"),
    api_key=os.environ.get("API_KEY", "none"),
)

model = client.models.list().data[0].id
print(f"Model: {model}")

whole = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": "What is the capital of France?"}],
    max_tokens=32,
)
print(f"Whole: {whole.choices[0].message.content}")

stream = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": "Count to five."}],
    max_tokens=32,
    stream=True,
)
print("Streamed: ", end="")
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
