"""The small random models of tiny_llama.py: Llama and Qwen2 models whose weights lie on a quantization grid."""

from dataclasses import dataclass

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM


@dataclass(frozen=True)
class Grid:
    """Where the weights of a class of matrices lie. zero: the lowest weight in steps; None: another in each group."""

    planes: int
    zero: int | None
    gguf: gguf.GGMLQuantizationType


@dataclass(frozen=True)
class Case:
    name: str
    # As a GGUF calls it.
    architecture: str
    seed: int
    group_size: int
    config: dict
    # Size of what a layer adds: what of a logit is not decided by the last token alone.
    branch_gain: float
    grids: dict[str, Grid]
    max_shard_size: str
    release_4_config: bool
    has_gguf: bool


# Ours by the names of transformers, and the class that a matrix belongs to.
LAYER_NAMES = {
    'input_layernorm': ('attentionNorm', None),
    'self_attn.q_proj': ('query', 'attention'),
    'self_attn.k_proj': ('key', 'attention'),
    'self_attn.v_proj': ('value', 'attention'),
    'self_attn.q_proj.bias': ('queryBias', None),
    'self_attn.k_proj.bias': ('keyBias', None),
    'self_attn.v_proj.bias': ('valueBias', None),
    'self_attn.o_proj': ('attentionOutput', 'attention'),
    'post_attention_layernorm': ('ffnNorm', None),
    'mlp.gate_proj': ('gate', 'ffn'),
    'mlp.up_proj': ('up', 'ffn'),
    'mlp.down_proj': ('down', 'ffn'),
}
MODEL_NAMES = {
    'model.embed_tokens': ('embedding', 'embedding'),
    'model.norm': ('norm', None),
    'lm_head': ('head', 'head'),
}


MODELS = {'llama': (LlamaConfig, LlamaForCausalLM), 'qwen2': (Qwen2Config, Qwen2ForCausalLM)}


def pack_name(name: str) -> tuple[str, str | None]:
    """Name in a pack, and class (None: a vector), of a parameter of transformers."""
    name = name.removesuffix('.weight')
    if name in MODEL_NAMES:
        return MODEL_NAMES[name]
    _, _, layer, part = name.split('.', 3)
    ours, kind = LAYER_NAMES[part]
    return f'layers.{layer}.{ours}', kind


def on_grid(rng, values: np.ndarray, grid: Grid, group_size: int) -> np.ndarray:
    """values (rows, cols) moved onto a grid: near the nearest of their group's levels, the outermost on the outermost."""
    grouped = values.reshape(len(values), -1, group_size)
    low, high = grouped.min(-1, keepdims=True), grouped.max(-1, keepdims=True)
    top = 2**grid.planes - 1
    if grid.zero is None:
        # Whole and half steps; a little off, so that levels are not all alike.
        zero = np.clip(np.round(2 * low / (high - low) * top + rng.integers(-1, 2, low.shape)) / 2, -top, 0)
        scale_bits = 7 - grid.planes
    else:
        zero = grid.zero
        # Q8_0 is symmetric.
        top = -2 * zero if grid.planes == 8 and zero == -127 else top
        scale_bits = max(1, 9 - grid.planes)
    wanted = (high - low) / top
    exponent = np.floor(np.log2(wanted))
    unit = 2.0 ** (exponent - (scale_bits - 1))
    scale = np.round(wanted / unit) * unit
    q = np.clip(np.round(grouped / scale - zero), 0, top)
    np.put_along_axis(q, grouped.argmin(-1, keepdims=True), 0, -1)
    np.put_along_axis(q, grouped.argmax(-1, keepdims=True), top, -1)
    for exact in (scale, scale * zero):
        assert np.array_equal(exact.astype(np.float16), exact), 'a scale or minimum is no half float'
    weights = (scale * (q + zero)).astype(np.float32).reshape(values.shape)
    assert np.array_equal(torch.tensor(weights).bfloat16().float().numpy(), weights), 'a weight is not exact in bf16'
    return weights


# Deviation of y = W x for x of deviation 1.
GAINS = {'query': 1.2, 'key': 1.2, 'value': 1.0, 'attentionOutput': 1.0, 'gate': 1.2, 'up': 1.2, 'down': 1.0}


def vocabulary_matrices(rng, vocab_size, norm_weight, tied):
    """Embedding and head (vocab, hidden) that make a few tokens likely after each.

    The logits of plain random matrices have near ties at every other token. Here the head favours some tokens by the token
    that was put in, and what the layers add decides among those: greedy continuations are clear and need every layer.
    """
    random = rng.normal(size=(vocab_size, len(norm_weight)))
    # The final norm turns some signs: a tied head would otherwise favour the token itself.
    signs = np.sign(norm_weight)
    if tied:
        partners = np.zeros_like(random)
        for _ in range(3):
            pairs = rng.permutation(vocab_size)[: vocab_size // 2 * 2].reshape(2, -1)
            partners[pairs[0]] += random[pairs[1]]
            partners[pairs[1]] += random[pairs[0]]
        embedding = random + 0.6 * signs * partners
        return embedding, embedding
    head = sum(random[rng.permutation(vocab_size)] for _ in range(2))
    return random, signs * head + 0.3 * rng.normal(size=head.shape)


def build(case: Case, vocab_size: int, bos: int, eos: int):
    rng = np.random.default_rng(case.seed)
    config_class, model_class = MODELS[case.architecture]
    config = config_class(
        vocab_size=vocab_size,
        max_position_embeddings=256,
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=None,
        **case.config,
    )
    model = model_class(config).float().eval()
    parameters = {name: (parameter, *pack_name(name)) for name, parameter in model.named_parameters()}
    with torch.no_grad():
        for parameter, _, kind in parameters.values():
            if kind is None:
                values = rng.integers(96, 161, parameter.shape) / 128 * rng.choice([-1, 1], parameter.shape)
                parameter.copy_(torch.from_numpy(values))
        norm_weight = model.model.norm.weight.numpy()
        embedding, head = vocabulary_matrices(rng, vocab_size, norm_weight, config.tie_word_embeddings)
        for parameter, name, kind in parameters.values():
            if kind is None:
                continue
            if name == 'embedding':
                values = embedding
            elif name == 'head':
                values = head
            else:
                part = name.split('.')[-1]
                gain = GAINS[part] * (case.branch_gain if part in ('attentionOutput', 'down') else 1)
                values = gain / np.sqrt(parameter.shape[1]) * rng.normal(size=parameter.shape)
            parameter.copy_(torch.from_numpy(on_grid(rng, values, case.grids[kind], case.group_size)))
    return model
