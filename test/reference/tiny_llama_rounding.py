"""What the rounding of activations does to the logits of a model, simulated in transformers."""

from contextlib import contextmanager

import torch
from transformers.models.llama import modeling_llama
from transformers.models.qwen2 import modeling_qwen2

from tiny_llama_model import Case, pack_name

# What is between a lossless pack and float32 are the rounded activations:
# - A product reads tables of the sums +-a +-b +-c +-d of four activations, rounded to whole steps: the largest entry of the
#   group, half of |a| + |b| + |c| + |d|, is 127 steps (63 for matrices of up to three planes, and of four in groups of over
#   32). A weight of P bits takes one entry a plane and four columns. Entries are off by independent errors, uniform within
#   half a step, and that of plane p counts 2^p times, so that y of a row is off by a variance of
#     sum over groups of  scale^2 (1 + 4 + ... + 4^(P-1)) (group / 4) step^2 / 12
#   That is a little too much: weights near the middle have opposite bits in their highest planes (01..., 10...), and entries of
#   opposite bits are opposite, so that part of the error of one plane takes away from another's.
# - Queries, keys and values are rounded after a Hadamard matrix has turned them: an element of that vector is off by an error that is
#   uniform within half a step, 1/127 of the largest of the head (1/63 for queries).
# - A weight of attention, times the scale of its value, is off by an error that is uniform within half a step of 1/127 of the largest
#   of its tile of 64 positions.
# `rounded` adds random errors of these sizes within transformers: what follows from them through attention, activations
# and layers is transformers' own. assembly/layout.ts states the same constants.

ENTRY_MAX, SHORT_ENTRY_MAX, SHORT_ENTRY_PLANES, EXACT_GROUP = 127, 63, 3, 32
KV_MAX, QUERY_MAX, WEIGHT_MAX, TILE = 127, 63, 127, 64
ROUNDING_DRAWS = 24



def table_errors(weight, planes, group_size, generator):
    """A function of x that gives random errors of y = weight x."""
    grouped = weight.detach().unflatten(-1, (-1, group_size))
    scales = (grouped.amax(-1) - grouped.amin(-1)) / (2**planes - 1)
    # (rows, groups): variance of y by the squared step of each group.
    variances = scales**2 * ((4**planes - 1) / 3) * (group_size / 4) / 12
    is_short = planes <= SHORT_ENTRY_PLANES or (planes == 4 and group_size > EXACT_GROUP)
    entry_max = SHORT_ENTRY_MAX if is_short else ENTRY_MAX

    def errors(x):
        largest = x.unflatten(-1, (-1, group_size // 4, 4)).abs().sum(-1).amax(-1) / 2
        deviations = ((largest / entry_max) ** 2 @ variances.T).sqrt()
        return deviations * torch.randn(deviations.shape, generator=generator)

    return errors


def hadamard(size):
    matrix = torch.ones(1, 1)
    while matrix.shape[0] < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    return matrix / size**0.5


def turned(x):
    """x (..., head_dim) times the Hadamard matrix, which is its own inverse."""
    return x @ hadamard(x.shape[-1])


def uniform(like, generator):
    return torch.rand(like.shape, generator=generator) - 0.5


def head_error(x, largest, generator):
    """A random error of x (..., head_dim), rounded to `largest` steps once it is turned."""
    steps = turned(x).abs().amax(-1, keepdim=True) / largest
    return turned(uniform(x, generator) * steps)


def attention_with_errors(generator):
    """In place of eager_attention_forward: query (batch, heads, tokens, head_dim); key, value (batch, kv_heads, positions, head_dim)."""

    def attend(module, query, key, value, attention_mask, scaling, **_):
        groups = query.shape[1] // value.shape[1]
        value_scales = turned(value).abs().amax(-1) / KV_MAX
        key, value, value_scales = (x.repeat_interleave(groups, 1) for x in (key, value, value_scales))
        query = query + head_error(query, QUERY_MAX, generator)
        weights = torch.softmax(query @ key.transpose(2, 3) * scaling + attention_mask, -1)
        products = weights * value_scales[:, :, None]
        for tile in products.split(TILE, -1):
            steps = tile.amax(-1, keepdim=True) / WEIGHT_MAX
            # Zeros stay: what is masked, too.
            tile += torch.where(tile > 0, uniform(tile, generator) * steps, 0)
        out = (products / value_scales[:, :, None]) @ value
        return out.transpose(1, 2).contiguous(), None

    return attend


@contextmanager
def rounded(model, case: Case, seed: int):
    """Within it, the model computes with random errors in place of our rounding."""
    generator = torch.Generator().manual_seed(seed)
    head_dim = model.model.layers[0].self_attn.head_dim

    def value_with_errors(_, __, value):
        heads = value.unflatten(-1, (-1, head_dim))
        return (heads + head_error(heads, KV_MAX, generator)).flatten(-2)

    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            kind = pack_name(name)[1]
            tied = kind == 'head' and model.config.tie_word_embeddings
            planes = case.grids['embedding' if tied else kind].planes
            errors = table_errors(module.weight, planes, case.group_size, generator)
            hooks.append(module.register_forward_hook(lambda _, x, y, errors=errors: y + errors(x[0])))
        if name.endswith('v_proj'):
            hooks.append(module.register_forward_hook(value_with_errors))
    modeling = {'llama': modeling_llama, 'qwen2': modeling_qwen2}[case.architecture]
    rope = modeling.apply_rotary_pos_emb

    def rope_with_errors(*args, **kwargs):
        query, key = rope(*args, **kwargs)
        return query, key + head_error(key, KV_MAX, generator)

    modeling.apply_rotary_pos_emb = rope_with_errors
    attend, implementation = modeling.eager_attention_forward, model.config._attn_implementation
    modeling.eager_attention_forward = attention_with_errors(generator)
    model.set_attn_implementation('eager')
    try:
        yield
    finally:
        modeling.apply_rotary_pos_emb = rope
        modeling.eager_attention_forward = attend
        model.set_attn_implementation(implementation)
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def logits_of(model, ids):
    return model(ids).logits


def rounding_errors(model, case: Case, ids):
    """Logits (batch, tokens, vocab) with rounding minus those without, ROUNDING_DRAWS times."""
    exact = logits_of(model, ids)
    for seed in range(ROUNDING_DRAWS):
        with rounded(model, case, seed):
            yield logits_of(model, ids) - exact
