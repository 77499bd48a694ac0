#!/bin/sh
# A long answer, which begins at the edge and goes on at an origin. The last line says how many tokens each of them made.
set -eu
BASE_URL=${BASE_URL:-http://localhost:8787/v1}

curl --fail-with-body --silent --show-error --no-buffer "$BASE_URL/chat/completions" \
  -H "Authorization: Bearer ${API_KEY:-none}" -H 'Content-Type: application/json' -d '{
  "messages": [{"role": "user", "content": "Write a long story about a lighthouse, a storm and a whale."}],
  "max_tokens": 600, "stream": true, "stream_options": {"include_usage": true}
}' | grep '"usage":{' | grep -o '"nanbeige":{[^}]*}'
