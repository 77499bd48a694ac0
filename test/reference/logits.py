# /// script
# requires-python = ">=3.10"
# dependencies = ["gguf==0.19.0", "jinja2==3.1.6", "numpy==2.4.6", "tokenizers==0.23.3"]
# ///
"""Writes the reference next-token distributions of a llama model to test/fixtures/logits-{reference,long}.{json,bin}.

    python test/reference/logits.py path/to/SmolLM2-135M-Instruct.Q4_1.gguf

The weights are dequantized exactly and the forward pass runs in float64, so nothing but the quantization that is
stored in the file stands between this and the trained model: what another implementation loses against it is its own.

logits-reference: every text of src/quantize/quality.json is cut to 102 tokens and fed without BOS, teacher-forced.
Position p predicts token p + 1. Position 0 is skipped, as it has no context.
logits-long: all these texts one behind the other, starting with another one each time, cut to 2048 tokens; of each the
last 256 distributions. The formats are in test/fixtures/README.md.
"""

import functools
import hashlib
import json
import sys
from pathlib import Path

import gguf
import jinja2
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

FIXTURES = Path(__file__).parent.parent / 'fixtures'
TOP = 32
LONG_STARTS = (0, 6, 12, 18)

CONTROL_TOKEN = 3  # gguf.TokenType.CONTROL


def load_tokenizer(field) -> Tokenizer:
    """The SmolLM2 tokenizer (byte-level BPE, digits split one by one) from the vocabulary inside the GGUF."""
    if field('tokenizer.ggml.pre') != 'smollm':
        raise SystemExit('logits.py knows the pre-tokenizer of SmolLM2 only; this file asks for another one')
    pieces = field('tokenizer.ggml.tokens')
    merges = [tuple(merge.split(' ')) for merge in field('tokenizer.ggml.merges')]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    types = field('tokenizer.ggml.token_type')
    tokenizer.add_special_tokens([piece for piece, kind in zip(pieces, types) if kind == CONTROL_TOKEN])
    return tokenizer


def rmsnorm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def rope(x, cos, sin):
    """Rotates the pairs (2i, 2i + 1) of x (texts, tokens, heads, head_dim): GGUF stores llama's q and k permuted for it."""
    even, odd = x[..., 0::2], x[..., 1::2]
    out = np.empty_like(x)
    out[..., 0::2] = even * cos - odd * sin
    out[..., 1::2] = even * sin + odd * cos
    return out


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def forward(field, tensor, ids):
    """Normalized hidden states after the last layer: ids (texts, tokens) -> (texts, tokens, hidden)."""
    heads, kv_heads = field('llama.attention.head_count'), field('llama.attention.head_count_kv')
    head_dim = field('llama.rope.dimension_count')
    eps = field('llama.attention.layer_norm_rms_epsilon')
    texts, tokens = ids.shape

    frequencies = field('llama.rope.freq_base') ** (-np.arange(0, head_dim, 2) / head_dim)
    angles = np.arange(tokens)[:, None, None] * frequencies
    cos, sin = np.cos(angles), np.sin(angles)
    mask = np.triu(np.full((tokens, tokens), -np.inf), 1)

    x = tensor('token_embd.weight')[ids]
    for i in range(field('llama.block_count')):
        layer = lambda name: tensor(f'blk.{i}.{name}.weight')

        h = rmsnorm(x, layer('attn_norm'), eps)
        q = rope((h @ layer('attn_q').T).reshape(texts, tokens, heads, head_dim), cos, sin)
        k = rope((h @ layer('attn_k').T).reshape(texts, tokens, kv_heads, head_dim), cos, sin)
        v = (h @ layer('attn_v').T).reshape(texts, tokens, kv_heads, head_dim)
        q, k, v = (a.transpose(0, 2, 1, 3) for a in (q, k, v))
        k, v = (np.repeat(a, heads // kv_heads, axis=1) for a in (k, v))
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(head_dim) + mask
        attention = (softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(texts, tokens, heads * head_dim)
        x = x + attention @ layer('attn_output').T

        h = rmsnorm(x, layer('ffn_norm'), eps)
        gate = h @ layer('ffn_gate').T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ layer('ffn_up').T)) @ layer('ffn_down').T
    return rmsnorm(x, tensor('output_norm.weight'), eps)


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def write(name, model, texts, first, vocab, distributions):
    """texts: (name, kind, ids) of equal lengths; distributions(ids): log-probabilities (tokens, vocab) of one text."""
    top_ids, top_logprobs, rest, following = [], [], [], []
    for _, _, ids in texts:
        logprobs = distributions(ids)[first:-1]
        order = np.argsort(-logprobs, axis=-1, kind='stable')
        top_ids.append(order[:, :TOP])
        top_logprobs.append(np.take_along_axis(logprobs, order[:, :TOP], -1))
        rest.append(np.log(np.exp(np.take_along_axis(logprobs, order[:, TOP:], -1)).sum(-1)))
        following.append(np.take_along_axis(logprobs, np.array(ids)[first + 1 :, None], -1)[:, 0])

    with open(FIXTURES / f'{name}.bin', 'wb') as out:
        out.write(np.concatenate(top_ids).astype('<u2').tobytes())
        for values in (top_logprobs, rest, following):
            out.write(np.concatenate(values).astype('<f4').tobytes())

    reference = {
        'model': model,
        'vocabSize': vocab,
        'firstPosition': first,
        'positions': len(texts[0][2]) - 1 - first,
        'top': TOP,
    }
    lines = ',\n'.join(
        '    ' + json.dumps({'name': name, 'kind': kind, 'tokens': ids}) for name, kind, ids in texts
    )
    scalars = json.dumps(reference, indent=2).removesuffix('\n}')
    (FIXTURES / f'{name}.json').write_text(f'{scalars},\n  "texts": [\n{lines}\n  ]\n}}\n')
    following = np.concatenate(following)
    print(f'{name}: perplexity {np.exp(-following.mean()):.4f} over {len(following)} positions')


def cut(name, ids, tokens):
    if len(ids) < tokens:
        raise SystemExit(f'{name} has {len(ids)} tokens; at least {tokens} are needed')
    return ids[:tokens]


def main():
    path = Path(sys.argv[1])
    reader = gguf.GGUFReader(path)
    stored = {t.name: t for t in reader.tensors}
    field = lambda name: reader.fields[name].contents()
    tensor = functools.cache(
        lambda name: gguf.quants.dequantize(stored[name].data, stored[name].tensor_type).astype(np.float64)
    )
    if 'output.weight' in stored:
        raise SystemExit('logits.py expects a head tied to the embedding; this file has an output.weight')

    tokenizer = load_tokenizer(field)
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(field('tokenizer.chat_template'))
    texts = json.loads((FIXTURES.parent.parent / 'src/quantize/quality.json').read_text())
    whole = [
        tokenizer.encode(text['text'] if 'text' in text else template.render(messages=text['messages'])).ids
        for text in texts
    ]
    short = [(text['name'], text['kind'], cut(text['name'], ids, 102)) for text, ids in zip(texts, whole)]
    long = []
    for start in LONG_STARTS:
        name = f'from {texts[start]["name"]}'
        long.append((name, 'mixed', cut(name, sum(whole[start:] + whole[:start], []), 2048)))

    head = tensor('token_embd.weight').T
    model = {'file': path.name, 'sha256': hashlib.sha256(path.read_bytes()).hexdigest()}
    distributions = lambda ids: log_softmax(forward(field, tensor, np.array([ids]))[0] @ head)
    write('logits-reference', model, short, 1, head.shape[1], distributions)
    write('logits-long', model, long, 1791, head.shape[1], distributions)


if __name__ == '__main__':
    main()
