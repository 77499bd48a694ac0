"""Asks for one chat completion with the openai package of this environment, or with LiteLLM where it is installed.

Standard input: a JSON object {url, apiKey, maxRetries, body}, where body is the request's. Standard output: a JSON object
{text, usage, chunks}, or {error: {type, status, code, message}} where the client raised.
"""

import importlib.util
import json
import os
import sys

# LiteLLM asks GitHub for prices when it is imported, unless it is told not to.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


def create(url: str, apiKey: str, maxRetries: int, body: dict):
    if importlib.util.find_spec("litellm"):
        import litellm

        options = {"api_base": url, "api_key": apiKey, "max_retries": maxRetries}
        return litellm.completion(**{**body, **options, "model": f"openai/{body['model']}"})
    import openai

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


def main() -> None:
    try:
        result = ask(json.load(sys.stdin))
    except Exception as error:
        result = {
            "error": {
                "type": type(error).__name__,
                "status": getattr(error, "status_code", None),
                "code": getattr(error, "code", None),
                "message": str(error),
            }
        }
    # LiteLLM prints advice before an error.
    print("\n" + json.dumps(result))


main()
