"""Asks for completions and chat completions with the openai package of this environment.

Standard input: a JSON object a line, {url, chat, body}. Standard output: a JSON object a line: the choices as the client gives them, those
of a stream joined by their index, with the usage and, of a plain answer, all that it was parsed to.
"""

import json
import sys

import openai


def ask(url: str, chat: bool, body: dict) -> dict:
    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
    create = client.chat.completions.create if chat else client.completions.create
    answer = create(**body)
    if not body.get("stream"):
        return answer.model_dump()
    texts, reasons, usage = {}, {}, None
    for chunk in answer:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text = choice.delta.content if chat else choice.text
            texts[choice.index] = texts.get(choice.index, "") + (text or "")
            reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
    choices = [{"index": index, "text": texts[index], "finish_reason": reasons[index]} for index in sorted(texts)]
    return {"choices": choices, "usage": usage and usage.model_dump()}


for line in sys.stdin:
    print(json.dumps(ask(**json.loads(line))), flush=True)
