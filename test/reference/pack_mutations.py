"""What gguf-py and safetensors read of the damaged files of test/pack-mutations.test.ts.

    pip install gguf safetensors
    PACK_MUTATIONS_PYTHON=python PACK_MUTATIONS_RECORD=1 npx vitest run test/pack-mutations.test.ts

makes test/fixtures/pack-mutations.json again; PACK_MUTATIONS=1000 with PACK_MUTATIONS_PYTHON compares a longer run.

usage: pack_mutations.py FOLDER, prints JSON: for each file null where it is refused, or the sha256 of each tensor's weights as
float32 (little endian, no negative zeros) by its name in the file, first 16 digits, and of a GGUF the metadata that a pack repeats.
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from gguf import GGUFReader, dequantize
from safetensors import deserialize

warnings.filterwarnings("ignore")

FLOATS = {"F32": "<f4", "F16": "<f2"}


def digest(weights: np.ndarray) -> str:
    return hashlib.sha256((weights.astype("<f4") + np.float32(0)).tobytes()).hexdigest()[:16]


def gguf(path: Path) -> dict:
    reader = GGUFReader(path)

    def value(key: str):
        read = field.contents() if (field := reader.fields.get(key)) else None
        # JSON has no NaN.
        return None if isinstance(read, float) and not np.isfinite(read) else read

    names = [tensor.name for tensor in reader.tensors]
    assert len(set(names)) == len(names)
    return {
        "tensors": {tensor.name: digest(dequantize(tensor.data, tensor.tensor_type)) for tensor in reader.tensors},
        "chatTemplate": value("tokenizer.chat_template"),
        "ropeTheta": value("llama.rope.freq_base"),
        "rmsNormEps": value("llama.attention.layer_norm_rms_epsilon"),
        "maxPositionEmbeddings": value("llama.context_length"),
        "headCount": value("llama.attention.head_count"),
    }


def safetensors(path: Path) -> dict:
    tensors = {}
    for name, tensor in deserialize(path.read_bytes()):
        data = bytes(tensor["data"])
        if tensor["dtype"] == "BF16":
            weights = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
        elif tensor["dtype"] in FLOATS:
            weights = np.frombuffer(data, FLOATS[tensor["dtype"]])
        else:
            continue
        tensors[name] = digest(weights)
    return {"tensors": tensors}


def read(path: Path) -> dict | None:
    try:
        return gguf(path) if path.suffix == ".gguf" else safetensors(path)
    except Exception:
        return None


if __name__ == "__main__":
    print(json.dumps({path.name: read(path) for path in sorted(Path(sys.argv[1]).iterdir())}))
