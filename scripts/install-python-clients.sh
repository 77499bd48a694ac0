#!/usr/bin/env bash
# Fetches the Python clients of test/clients into node_modules/.cache/python-clients, an environment for each, since one holds one major of
# openai. Does nothing, and needs no network, where they are there. Needs Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=node_modules/.cache/python-clients
mkdir -p "$cache"

uv() {
  [ -x "$cache/uv/bin/uv" ] || { python3 -m venv "$cache/uv" && "$cache/uv/bin/pip" install --quiet uv==0.13.9; }
  "$cache/uv/bin/uv" "$@"
}

# The file with what was asked for is written last: neither an interrupted installation nor an older pin looks like an installed one.
install() { # folder, packages
  local venv=$cache/$1
  shift
  [ "$(cat "$venv/installed" 2>/dev/null)" = "$*" ] && return
  uv venv --quiet --clear --python python3.11 "$venv"
  uv pip install --quiet --python "$venv/bin/python" "$@"
  echo "$*" > "$venv/installed"
}

install openai-1 openai==1.109.1
install openai-2 openai==2.54.0
install openai-3 openai==3.57.0
install litellm litellm==1.110.2
install httpx-sse httpx-sse==0.4.3 httpx==0.28.1
install clients anthropic==2.14.0 langchain-openai==1.7.4 llm==0.36 openai==3.57.0 'pydantic-ai-slim[openai]==2.68.0'
install schemathesis schemathesis==4.32.5
install instructor instructor==1.17.0
install llama-index llama-index-llms-openai-like==0.8.1
