"""Write test/fixtures/tokenizer-{smollm2,qwen2}.json: ids that Hugging Face's Rust tokenizer gives for some 200 texts.

    pip install tokenizers gguf
    python test/reference/tokenizer_gguf.py SmolLM2-135M-Instruct.Q4_1.gguf
    python test/reference/tokenizer_gguf.py node_modules/.cache/qwen/qwen2.5-coder-0.5b-instruct.gguf

The tokenizer is made from the GGUF's vocabulary, merges and token types, with the pre-tokenizer, normalizer and model options
of the tokenizer.json of HuggingFaceTB/SmolLM2-135M-Instruct or Qwen/Qwen2.5-Coder-0.5B-Instruct.
"""

import json
import pathlib
import random
import sys

import tokenizers
from gguf import GGUFReader

CONTROL, USER_DEFINED, UNUSED = 3, 4, 5  # llama.cpp, enum llama_token_type

TEXTS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\t", " \t \n", "\r\n", "a", " a", "a ", "  a  ", "\na", "a\n\n\nb",
    "Hello world", " Hello, World!", "HELLO hello HeLLo", "don't I'll we've they're it's I'm he'd DON'T I'LL 'S 'sS",
    "0", "12", "123 456", " 1 22 333", "3.14159", "1,000,000", "v1.2.3-rc4", "0x1F", "x2y", "  7", "a 7  b",
    "½ ² ³ ① Ⅷ", " ½½", "٣٤٥", " ٣ ٤", "१२३", "𝟘𝟙", "\U00016ff4\U00016ff5",
    "你好，世界", "日本語テスト", "한국어 텍스트", "Привет, мир!", "مرحبا بالعالم", "שלום", "नमस्ते", "ภาษาไทย", "naïve café",
    "e\u0301 o\u0308", "ﬁ ＡＢＣ", "Ελληνικά", "ẞß İi", "Zażółć gęślą jaźń",
    "😀", "👩‍👩‍👧", "🇫🇷🇩🇪", "👍🏽 ok", "🤖🤖🤖", "emoji😀inside", "✅ done",
    "def f(x):\n    return x**2  # ok\n", "for (let i = 0; i < 10; i++) { a[i] += 1 }", "#include <stdio.h>\n\nint main() {\n\t",
    "SELECT * FROM t WHERE a = 'b';", "<div class=\"x\">&nbsp;</div>", "https://example.com/a?b=c&d=%20#e", "C:\\dir\\file.txt",
    "{\"a\": [1, 2, {\"b\": null}]}", "\\boxed{42} $x^2 + y^2 = z^2$", "a--b ---- == === ...", "!!!???", "((()))[[]]{}",
    "a\u00a0b", "a\u2003b", "a\u3000b\u3000\u3000c", "a\u0085b", "a \u0085 b", "\u2028\u2029", "\ufeffa", "a\ufeff b", "\u180e\u180e x",
    "\u200b\u200b", "\u00ad", "\x00", ".\x00.", ".\x06.", "\x1d\x7f", ".\U00040000.", "\U0010ffff", "\ue000", "\ufffd",
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "a<|im_end|>b", " <|im_end|> ", "<|im_end|><|im_end|>", "<|im_start", "|im_start|>", "<|im_end|", "<<|im_end|>>", "<repo_name>x",
    "<reponame><repo_name>", "<file_sep>\n<filename>a.py", "<jupyter_code>1+1<jupyter_output>2<empty_output>", "<gh_stars>100",
    "<issue_start><issue_comment>text<issue_closed>", "<|im_end|>  1", "1<|im_end|>'s",
    "I'LL WE'VE it'S they'Re 'ſ 'ſo 'M 'D", "a\n\n  b", "x.\n\ny!\r\n", "(foo) _bar -baz /qux", "e\u0301\u0323 \u1e69 \u0344 \u212b \u2126",
    "\uac00 \u1100\u1161\u11a8", "  \n  \n", "\t\tx", "...\n\n\n...", "a\u0300\u0301<|im_end|>\u0301", "<tool_call>\n{}\n</tool_call>",
    "a" * 300, "ab" * 200, " " * 100, "\n" * 50, "=" * 77, "9" * 40, "ha" * 64 + "!",
]
FRAGMENTS = [
    "the", " of", "Ing", "'re", "'", "\"", " ", "  ", "\n", "\t", "7", "42", "½", "é", "ß", "中", "文字", "の", "한", "я", "ع", "😀", "🏽",
    "\u200d", "\u00a0", "\ufeff", "\u0085", "_", "-", "->", "::", "<", "|", ">", "<|im_start|>", "<|im_end|>", "<repo_name>", "{", "}",
    "return", "CamelCase", "x", "\x06", "\x1d", "\U00040000",
]


SMOLLM2 = {
    "normalizer": None,
    "pre_tokenizer": [
        {"type": "Digits", "individual_digits": True},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    ],
}
QWEN2 = {
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": [
        {
            "type": "Split",
            "pattern": {
                "Regex": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            },
            "behavior": "Isolated",
            "invert": False,
        },
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
    ],
}
KINDS = {"smollm": ("smollm2", SMOLLM2), "qwen2": ("qwen2", QWEN2)}


def read_tokenizer(path):
    fields = GGUFReader(path).fields
    tokens, types, merges, pre = (
        fields["tokenizer.ggml." + key].contents() for key in ("tokens", "token_type", "merges", "pre")
    )
    name, kind = KINDS[pre]
    added = [
        {
            "id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": types[i] == CONTROL,
        }
        for i, token in enumerate(tokens)
        if types[i] in (CONTROL, USER_DEFINED)
    ]
    return name, tokenizers.Tokenizer.from_str(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": kind["normalizer"], "pre_tokenizer": {"type": "Sequence", "pretokenizers": kind["pre_tokenizer"]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens) if types[i] != UNUSED}, "merges": merges,
        },
    }))


def main(path):
    name, tokenizer = read_tokenizer(path)
    rng = random.Random(2025)
    texts = TEXTS + ["".join(rng.choices(FRAGMENTS, k=rng.randint(2, 24))) for _ in range(90)]
    cases = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)})
    source = f"tokenizers {tokenizers.__version__}, vocabulary of {pathlib.Path(path).name}"
    output = pathlib.Path(__file__).parents[1] / "fixtures" / f"tokenizer-{name}.json"
    rows = ",\n".join("    " + json.dumps(case) for case in cases)
    output.write_text(f'{{\n  "source": {json.dumps(source)},\n  "cases": [\n{rows}\n  ]\n}}\n')


main(sys.argv[1])
