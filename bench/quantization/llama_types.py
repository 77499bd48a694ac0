"""llama.cpp's own quantizers on the matrices of a GGUF, for bench/quantization/run.ts.

Every matrix, embedding and head included, goes through ggml_quantize_chunk of libggml-base and back to half floats, weighted with an importance
matrix: the mean squares of what each matrix is multiplied with, over the token sequences of a calibration. A looked-up embedding has none, and
one that is the head too has the head's. Rows that are no whole blocks of 256 are taken together.

    LIBGGML_BASE=libggml-base.so python llama_types.py MODEL.gguf SEQUENCES.json OUT TYPE ...

writes OUT/TYPE.f16, all matrices one after the other, and OUT/TYPE.json: {"bytes": of the type, "offsets": {name in the GGUF: bytes}}.
Needs numpy and gguf (tried with numpy 2.4, gguf 0.19, llama.cpp b10434).
"""
import concurrent.futures
import ctypes
import json
import os
import sys

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize

F = np.float32
lib = ctypes.CDLL(os.environ["LIBGGML_BASE"])
lib.ggml_row_size.restype = ctypes.c_size_t
lib.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
lib.ggml_quantize_chunk.restype = ctypes.c_size_t
lib.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
lib.ggml_quantize_init.argtypes = [ctypes.c_int]
BLOCK = 256
# Rows that a thread quantizes at a time.
CHUNK = 2048


class Model:
    def __init__(self, path):
        reader = GGUFReader(path)
        field = lambda name: reader.fields[f"{self.arch}.{name}"].contents()
        self.arch = reader.fields["general.architecture"].contents()
        self.layers = field("block_count")
        self.heads = field("attention.head_count")
        self.kv_heads = field("attention.head_count_kv")
        self.head_dim = field("embedding_length") // self.heads
        self.eps = F(field("attention.layer_norm_rms_epsilon"))
        self.base = field("rope.freq_base")
        self.tensors = {tensor.name: tensor for tensor in reader.tensors}

    def weights(self, name):
        tensor = self.tensors[name]
        if tensor.tensor_type == GGMLQuantizationType.F32:
            return np.array(tensor.data, F)
        return dequantize(np.array(tensor.data), tensor.tensor_type).astype(F)


def norm(x, weight, eps):
    return (x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight).astype(F)


def rope(x, model):
    """x (tokens, heads, head_dim): GGUF pairs neighbours in llama, halves in qwen2."""
    half = model.head_dim // 2
    angle = np.arange(len(x))[:, None] * model.base ** (-np.arange(half) / half)[None]
    cos, sin = (f(angle).astype(F)[:, None] for f in (np.cos, np.sin))
    a, b = (x[..., 0::2], x[..., 1::2]) if model.arch == "llama" else (x[..., :half], x[..., half:])
    out = np.empty_like(x)
    first, second = a * cos - b * sin, b * cos + a * sin
    if model.arch == "llama":
        out[..., 0::2], out[..., 1::2] = first, second
    else:
        out[..., :half], out[..., half:] = first, second
    return out


def attention(q, k, v, model):
    """One sequence: q (tokens, heads, head_dim), k and v (tokens, kv_heads, head_dim)."""
    mask = np.triu(np.full((len(q), len(q)), -np.inf, F), 1)
    out = np.empty_like(q)
    for head in range(model.heads):
        shared = head // (model.heads // model.kv_heads)
        scores = q[:, head] @ k[:, shared].T / np.sqrt(F(model.head_dim)) + mask
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        out[:, head] = scores / scores.sum(-1, keepdims=True) @ v[:, shared]
    return out


def importance(model, sequences):
    """Mean squares of what each matrix is multiplied with."""
    starts = np.cumsum([0] + [len(s) for s in sequences])
    x = model.weights("token_embd.weight")[np.concatenate(sequences)]
    squares = {}
    for layer in range(model.layers):
        def project(name, h):
            squares[f"blk.{layer}.{name}.weight"] = (h * h).mean(0)
            y = h @ model.weights(f"blk.{layer}.{name}.weight").T
            bias = f"blk.{layer}.{name}.bias"
            return y + model.weights(bias) if bias in model.tensors else y
        h = norm(x, model.weights(f"blk.{layer}.attn_norm.weight"), model.eps)
        q, k, v = (project(f"attn_{part}", h).reshape(len(x), -1, model.head_dim) for part in "qkv")
        attended = np.concatenate([
            attention(rope(q[a:b], model), rope(k[a:b], model), v[a:b], model) for a, b in zip(starts, starts[1:])
        ])
        x = x + project("attn_output", attended.reshape(len(x), -1))
        h = norm(x, model.weights(f"blk.{layer}.ffn_norm.weight"), model.eps)
        gate, up = project("ffn_gate", h), project("ffn_up", h)
        x = x + project("ffn_down", (gate / (1 + np.exp(-gate)) * up).astype(F))
    h = norm(x, model.weights("output_norm.weight"), model.eps)
    squares["output.weight" if "output.weight" in model.tensors else "token_embd.weight"] = (h * h).mean(0)
    return squares


def quantized(weights, kind, squares):
    """weights (rows, cols) through a type and back, and the bytes it takes."""
    rows, cols = weights.shape
    together = 1
    while (cols * together) % BLOCK or rows % together:
        together += 1
    width = cols * together
    flat = np.ascontiguousarray(weights.reshape(-1, width))
    importance = np.ascontiguousarray(np.tile(squares, together), dtype=F)
    row_bytes = lib.ggml_row_size(kind, width)
    packed = np.zeros((len(flat), row_bytes), np.uint8)
    def chunk(first):
        count = min(CHUNK, len(flat) - first)
        lib.ggml_quantize_chunk(kind, flat[first:].ctypes.data, packed[first:].ctypes.data, 0, count, width, importance.ctypes.data)
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("THREADS", os.cpu_count()))) as pool:
        list(pool.map(chunk, range(0, len(flat), CHUNK)))
    return dequantize(packed, GGMLQuantizationType(kind)).reshape(rows, cols), packed.size


def main(path, sequences, out, *types):
    model = Model(path)
    matrices = [name for name, tensor in model.tensors.items() if len(tensor.shape) == 2]
    os.makedirs(out, exist_ok=True)
    cache = f"{out}/importance.npz"
    if not os.path.exists(cache):
        np.savez(cache, **importance(model, [np.array(s) for s in json.load(open(sequences))]))
    squares = dict(np.load(cache))
    for name in types:
        if os.path.exists(f"{out}/{name}.json"):
            continue
        kind = int(GGMLQuantizationType[name])
        lib.ggml_quantize_init(kind)
        total, offsets = 0, {}
        with open(f"{out}/{name}.f16", "wb") as file:
            for matrix in matrices:
                weights = model.weights(matrix)
                back, held = quantized(weights, kind, squares.get(matrix, np.ones(weights.shape[1], F)))
                offsets[matrix] = file.tell()
                file.write(back.astype(np.float16).tobytes())
                total += held
        json.dump({"bytes": total, "offsets": offsets}, open(f"{out}/{name}.json", "w"))
        print(name, total, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
