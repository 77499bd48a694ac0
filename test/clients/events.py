"""Posts a JSON body with httpx-sse; prints a JSON array of the data of all events.

Standard input: a JSON object {url, body}.
"""

import json
import sys

import httpx
from httpx_sse import connect_sse

question = json.load(sys.stdin)
with httpx.Client(timeout=60) as client, connect_sse(client, "POST", question["url"], json=question["body"]) as source:
    print(json.dumps([event.data for event in source.iter_sse()]))
