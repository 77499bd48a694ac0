"""Posts JSON bodies with httpx-sse.

Standard input: a JSON object a line, {url, body}. Standard output: a JSON array a line, the data of all events.
"""

import json
import sys

import httpx
from httpx_sse import connect_sse

for line in sys.stdin:
    question = json.loads(line)
    with httpx.Client(timeout=60) as client, connect_sse(client, "POST", question["url"], json=question["body"]) as source:
        print(json.dumps([event.data for event in source.iter_sse()]), flush=True)
