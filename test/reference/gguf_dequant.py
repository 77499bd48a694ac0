"""Blocks of every GGUF tensor type that can be packed, with their weights according to the PyPI package gguf.

    pip install gguf && python test/reference/gguf_dequant.py > test/fixtures/gguf-dequant.json
"""

import json

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

TYPES = "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K".split()
# Offsets of half floats inside a block: random bits there would often be NaN or infinite.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
WEIGHTS = 512

random = np.random.default_rng(1)


def blocks(name: str) -> np.ndarray:
    block_size, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    count = WEIGHTS // block_size
    if block_size == 1:
        weights = random.normal(0, 0.05, (1, WEIGHTS)).astype(np.float32)
        return quants.quantize(weights, GGMLQuantizationType[name]).view(np.uint8).reshape(count, block_bytes)
    raw = random.integers(0, 256, (count, block_bytes), dtype=np.uint8)
    for offset in HALVES[name]:
        halves = random.normal(0, 0.05, (count, 1)).astype(np.float16)
        # One subnormal scale and one zero.
        halves[0], halves[1] = np.float16(3e-6), 0
        raw[:, offset : offset + 2] = halves.view(np.uint8)
    return raw


fixture = {}
for name in TYPES:
    raw = blocks(name)
    weights = quants.dequantize(raw.reshape(1, -1), GGMLQuantizationType[name]).astype("<f4")
    assert np.isfinite(weights).all() and weights.size == WEIGHTS
    fixture[name] = {"blocks": raw.tobytes().hex(), "weights": weights.tobytes().hex()}
print(json.dumps(fixture, indent=1))
