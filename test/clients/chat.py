"""Asks for chat completions with the openai package of this environment, or with LiteLLM where it is installed.

Standard input: a JSON object a line, {url, apiKey, maxRetries, body}, where body is the request's. Standard output: a JSON object a
line, {text, usage, chunks}, or {error: {type, status, code, message}} where the client raised.
"""

import importlib.util
import json
import os
import sys

if importlib.util.find_spec("litellm"):
    # It asks GitHub for prices when it is imported, unless it is told not to.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    def create(url: str, apiKey: str, maxRetries: int, body: dict):
        options = {"model": f"openai/{body['model']}", "api_base": url, "api_key": apiKey, "max_retries": maxRetries}
        return litellm.completion(**{**body, **options})

else:
    import openai

    def create(url: str, apiKey: str, maxRetries: int, body: dict):
        return openai.OpenAI(base_url=url, api_key=apiKey, max_retries=maxRetries).chat.completions.create(**body)


def ask(question: dict) -> dict:
    answer = create(**question)
    if not question["body"].get("stream"):
        return {"text": answer.choices[0].message.content, "usage": answer.usage.model_dump(), "chunks": 1}
    text, usage, chunks = "", None, 0
    for chunk in answer:
        chunks += 1
        for choice in chunk.choices:
            text += choice.delta.content or ""
        usage = getattr(chunk, "usage", None) or usage
    return {"text": text, "usage": usage and usage.model_dump(), "chunks": chunks}


def failure(error: Exception) -> dict:
    status, code = getattr(error, "status_code", None), getattr(error, "code", None)
    return {"error": {"type": type(error).__name__, "status": status, "code": code, "message": str(error)}}


# LiteLLM prints advice.
answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    try:
        answer = ask(json.loads(line))
    except Exception as error:
        answer = failure(error)
    print(json.dumps(answer), file=answers, flush=True)
