# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "accelerate==1.15.0",
#   "gguf==0.19.0",
#   "numpy==2.4.6",
#   "tokenizers==0.23.3",
#   "torch==2.15.0",
#   "transformers==5.23.0",
# ]
# ///
"""Writes small random checkpoints and what transformers computes with them to test/fixtures/tiny-llama and tiny-qwen2.

    python test/reference/tiny_llama.py [NAME ...]

Every group of weights is  scale (q + zero)  with whole q from 0 to 2^planes - 1, both extremes present, and few enough bits
to be exact in bf16: packing with as many planes in groups of that size must lose nothing, so all that an implementation
differs by is its own arithmetic. The formats are in test/fixtures/tiny-llama/README.md.
"""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tiny_llama_greedy import clear_continuations
from tiny_llama_model import MODELS, Case, Grid, build, pack_name
from tiny_llama_rounding import logits_of, rounding_errors

FIXTURES = Path(__file__).parent.parent / 'fixtures'
# Twice the chunk of a prefill and a piece, so that chunks, their borders and a short rest are all in it.
TOKENS = 80

MERGES = [('t', 'h'), ('th', 'e'), ('i', 'n'), ('e', 'r'), ('a', 'n')]
BOS, EOS = '<|im_start|>', '<|im_end|>'
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}'
)

Type = gguf.GGMLQuantizationType
CASES = [
    # The proportions of Nanbeige4-3B: 5 query heads to a key head. Three shards.
    Case(
        name='tied',
        architecture='llama',
        seed=1,
        group_size=32,
        config=dict(
            hidden_size=160,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=10,
            num_key_value_heads=2,
            head_dim=32,
            rope_theta=5e6,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
        ),
        branch_gain=2.0,
        grids={
            'embedding': Grid(8, -127, Type.Q8_0),
            'attention': Grid(4, -8, Type.Q4_0),
            'ffn': Grid(4, None, Type.Q4_1),
        },
        max_shard_size='350KB',
        release_4_config=True,
        has_gguf=True,
    ),
    Case(
        name='untied',
        architecture='llama',
        seed=2,
        group_size=64,
        config=dict(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=64,
            rope_theta=7e7,
            rms_norm_eps=1e-6,
            tie_word_embeddings=False,
        ),
        branch_gain=0.5,
        grids={
            'embedding': Grid(4, None, Type.F16),
            'attention': Grid(3, None, Type.F16),
            'ffn': Grid(2, None, Type.F16),
            'head': Grid(8, -128, Type.F32),
        },
        max_shard_size='1GB',
        release_4_config=False,
        has_gguf=True,
    ),
    Case(
        name='wide-groups',
        architecture='llama',
        seed=3,
        group_size=128,
        config=dict(
            hidden_size=128,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=8,
            num_key_value_heads=2,
            head_dim=32,
            rope_theta=1e4,
            rms_norm_eps=1e-5,
            tie_word_embeddings=False,
        ),
        branch_gain=0.6,
        grids={
            'embedding': Grid(8, -128, Type.F16),
            'attention': Grid(2, None, Type.F16),
            'ffn': Grid(3, None, Type.F16),
            'head': Grid(4, None, Type.F16),
        },
        max_shard_size='200KB',
        release_4_config=False,
        has_gguf=False,
    ),
    # The proportions of Qwen2.5-0.5B: 7 query heads to a key head, all block types of its GGUF.
    Case(
        name='qwen2-untied',
        architecture='qwen2',
        seed=4,
        group_size=32,
        config=dict(
            hidden_size=224,
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=7,
            num_key_value_heads=1,
            rope_theta=1e6,
            rms_norm_eps=1e-6,
            tie_word_embeddings=False,
        ),
        branch_gain=1.0,
        grids={
            'embedding': Grid(5, -16, Type.Q5_0),
            'attention': Grid(5, -16, Type.Q5_0),
            'ffn': Grid(4, None, Type.Q4_1),
            'head': Grid(8, -127, Type.Q8_0),
        },
        max_shard_size='1GB',
        release_4_config=True,
        has_gguf=True,
    ),
    Case(
        name='qwen2-tied',
        architecture='qwen2',
        seed=5,
        group_size=32,
        config=dict(
            hidden_size=128,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            rope_theta=1e4,
            rms_norm_eps=1e-6,
            tie_word_embeddings=True,
        ),
        branch_gain=2.0,
        grids={
            'embedding': Grid(8, -127, Type.Q8_0),
            'attention': Grid(4, -8, Type.Q4_0),
            'ffn': Grid(4, None, Type.Q4_1),
        },
        max_shard_size='200KB',
        release_4_config=False,
        has_gguf=True,
    ),
]

# Files


QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PRE_TOKENIZERS = {'llama': 'smollm', 'qwen2': 'qwen2'}


def make_tokenizer(case: Case) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of every byte, a few merges and two special tokens, in the way of SmolLM2's or Qwen2's."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = alphabet + [a + b for a, b in MERGES]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, MERGES))
    if PRE_TOKENIZERS[case.architecture] == 'qwen2':
        tokenizer.normalizer = normalizers.NFC()
        words = pre_tokenizers.Split(Regex(QWEN2_PATTERN), 'isolated')
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    else:
        words = pre_tokenizers.Digits(individual_digits=True)
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in (BOS, EOS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def permuted(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head in the order that makes pairs (i, i + head_dim / 2) neighbours.

    As LlamaModel.permute in llama.cpp's convert_hf_to_gguf.py.
    """
    rows, cols = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def write_release_4_config(path: Path) -> None:
    """The configuration as transformers 4 wrote it, which is what the releases of Nanbeige4-3B have."""
    config = json.loads(path.read_text())
    config['rope_theta'] = config.pop('rope_parameters')['rope_theta']
    config['rope_scaling'] = None
    config['torch_dtype'] = config.pop('dtype')
    config['transformers_version'] = '4.38.2'
    path.write_text(json.dumps(config, indent=2) + '\n')


def gguf_weights(case: Case, model) -> dict[str, np.ndarray]:
    """Parameters as a GGUF holds them, by the names of transformers: the converter permutes those of Llama only."""
    permutes = case.architecture == 'llama'
    heads = {'query': model.config.num_attention_heads, 'key': model.config.num_key_value_heads} if permutes else {}
    weights = {}
    for name, parameter in model.named_parameters():
        values = parameter.detach().numpy()
        part = pack_name(name)[0].split('.')[-1]
        weights[name] = permuted(values, heads[part]) if part in heads else values
    return weights


def write_gguf(path: Path, case: Case, model, tokenizer) -> None:
    config = model.config
    head_dim = getattr(config, 'head_dim', None) or config.hidden_size // config.num_attention_heads
    writer = gguf.GGUFWriter(path, case.architecture)
    writer.add_name(f'tiny-{case.architecture} {case.name}')
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(config.rope_parameters['rope_theta'])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model('gpt2')
    writer.add_tokenizer_pre(PRE_TOKENIZERS[case.architecture])
    pieces = [tokenizer.convert_ids_to_tokens(i) for i in range(config.vocab_size)]
    writer.add_token_list(pieces)
    writer.add_token_types([gguf.TokenType.CONTROL if piece in (BOS, EOS) else gguf.TokenType.NORMAL for piece in pieces])
    writer.add_token_merges([' '.join(merge) for merge in MERGES])
    writer.add_bos_token_id(config.bos_token_id)
    writer.add_eos_token_id(config.eos_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[case.architecture.upper()], config.num_hidden_layers)
    for name, weights in gguf_weights(case, model).items():
        kind = pack_name(name)[1]
        dtype = Type.F32 if kind is None else case.grids[kind].gguf
        blocks = gguf.quants.quantize(weights, dtype)
        assert np.array_equal(gguf.quants.dequantize(blocks, dtype), weights), f'{name} is not exact in {dtype.name}'
        writer.add_tensor(names.get_name(name, try_suffixes=('.weight', '.bias')), blocks, raw_dtype=dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def digests(weights: dict[str, np.ndarray]) -> dict[str, str]:
    """sha256 of the float32 bytes of each tensor, by our names."""
    return {
        pack_name(name)[0]: hashlib.sha256(values.astype('<f4').tobytes()).hexdigest() for name, values in weights.items()
    }


def json_text(value) -> str:
    """Indented, but for lists of numbers."""
    number_list = re.compile(r'\[\s+([-\d.,\s]+?)\s+\]')
    return number_list.sub(lambda match: f'[{" ".join(match[1].split())}]', json.dumps(value, indent=2)) + '\n'


def write_case(case: Case) -> None:
    fixtures = FIXTURES / f'tiny-{case.architecture}'
    folder = fixtures / case.name
    model_class = MODELS[case.architecture][1]
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = make_tokenizer(case)
    built = build(case, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id)
    built.bfloat16().save_pretrained(folder, max_shard_size=case.max_shard_size)
    tokenizer.save_pretrained(folder)
    if case.release_4_config:
        write_release_4_config(folder / 'config.json')

    # The reference is what stands in the folder.
    model = model_class.from_pretrained(folder, dtype=torch.float32).eval()
    if case.has_gguf:
        path = fixtures / f'{case.name}.gguf'
        write_gguf(path, case, model, tokenizer)
        # transformers turns the rows of queries and keys back by itself.
        again = model_class.from_pretrained(fixtures, gguf_file=path.name, dtype=torch.float32)
        for (name, weights), other in zip(model.named_parameters(), again.parameters(), strict=True):
            assert torch.equal(weights, other), f'{name} is another one in the GGUF'

    generator = torch.Generator().manual_seed(case.seed)
    ids = torch.randint(0, model.config.vocab_size, (1, TOKENS), generator=generator)
    logits = logits_of(model, ids)
    errors = torch.cat(list(rounding_errors(model, case, ids)))
    config = model.config
    expected = {
        'groupSize': case.group_size,
        'planes': {kind: grid.planes for kind, grid in case.grids.items()},
        'tokens': ids[0].tolist(),
        'logits': {'rms': logits.pow(2).mean().sqrt().item(), 'shape': list(logits[0].shape)},
        'rounding': {
            'rms': errors.pow(2).mean().sqrt().item(),
            'largest': errors.abs().max().item(),
        },
        'greedy': clear_continuations(model, case, generator),
        'weights': {
            'huggingFace': digests({name: p.detach().numpy() for name, p in model.named_parameters()}),
            **({'gguf': digests(gguf_weights(case, model))} if case.has_gguf else {}),
        },
    }
    (fixtures / f'{case.name}.logits.bin').write_bytes(logits[0].numpy().astype('<f4').tobytes())
    (fixtures / f'{case.name}.json').write_text(json_text(expected))
    print(case.name, sum(p.numel() for p in model.parameters()), expected['logits'], expected['rounding'])
    for continuation in expected['greedy']:
        variety = len(set(continuation['tokens']))
        print('  ', variety, 'different tokens, margin', continuation['margin'], continuation['marginInRoundingErrors'])


def main():
    torch.use_deterministic_algorithms(True)
    for case in CASES:
        if not sys.argv[1:] or case.name in sys.argv[1:]:
            write_case(case)


if __name__ == '__main__':
    main()
