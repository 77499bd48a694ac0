#!/bin/sh
# A whole answer, and one that is streamed.
set -eu
BASE_URL=${BASE_URL:-http://localhost:8787/v1}

ask() {
  curl --fail-with-body --silent --show-error --no-buffer "$BASE_URL/chat/completions" \
    -H "Authorization: Bearer ${API_KEY:-none}" -H 'Content-Type: application/json' -d "$1"
  echo
}

ask '{"messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 32}'
ask '{"messages": [{"role": "user", "content": "Count to five."}], "max_tokens": 32, "stream": true}'
