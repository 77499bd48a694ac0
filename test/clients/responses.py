"""Calls a method of the openai package's client.responses.

Standard input: a JSON object a line, {url, apiKey, method, arguments}, where arguments are the method's own. Standard output: a JSON object a
line: {result}, what the method returned, or {events, result} of a stream, or {error: {status, code}} where the client raised. The method
"parse" reads the answer as a Capital, and "helper" is client.responses.stream.
"""

import json
import sys

import openai
import pydantic


class Capital(pydantic.BaseModel):
    capital: str


def call(url: str, apiKey: str, method: str, arguments: dict) -> dict:
    responses = openai.OpenAI(base_url=url, api_key=apiKey, max_retries=0).responses
    if method == "parse":
        return {"result": responses.parse(**arguments, text_format=Capital).output_parsed.model_dump()}
    if method == "helper":
        with responses.stream(**arguments) as stream:
            return {"events": [event.type for event in stream], "result": stream.get_final_response().model_dump()}
    result = responses.input_items.list(**arguments) if method == "input_items" else getattr(responses, method)(**arguments)
    if isinstance(result, openai.Stream):
        return {"events": [event.model_dump() for event in result], "result": None}
    return {"result": result and result.model_dump()}


for line in sys.stdin:
    try:
        answer = call(**json.loads(line))
    except openai.APIError as error:
        answer = {"error": {"status": getattr(error, "status_code", None), "code": error.code}}
    print(json.dumps(answer), flush=True)
