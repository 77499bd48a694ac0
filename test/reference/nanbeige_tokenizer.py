"""Makes test/fixtures/nanbeige/vectors.json anew: what Nanbeige's own tokenizer and template give for the texts and chats in it.

    pip install tokenizers==0.22.1 brotli jinja2
    python test/reference/nanbeige_tokenizer.py

`ids_fast`: the Rust library on tokenizer.json as it is. `ids_slow_like`: the ids of the slow tokenizer, with which the model was trained and
is served (use_fast=False): it cuts a text at the added tokens before it normalizes, so that every piece gets its own "▁".
"""

import hashlib
import json
from pathlib import Path

import brotli
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

FOLDER = Path(__file__).parent.parent / "fixtures" / "nanbeige"
VECTORS = FOLDER / "vectors.json"


def main():
    spec = brotli.decompress((FOLDER / "tokenizer.json.br").read_bytes())
    vectors = json.loads(VECTORS.read_text("utf8"))
    fast = Tokenizer.from_str(spec.decode())
    slow = Tokenizer.from_str(json.dumps(cut_before_normalizing(json.loads(spec))))

    def ids_of(text):
        by_fast, by_slow = (tokenizer.encode(text, add_special_tokens=False).ids for tokenizer in (fast, slow))
        return {"ids_fast": by_fast, "ids_slow_like": by_slow, "same": by_fast == by_slow}

    strings = []
    for text in (vector["text"] for vector in vectors["strings"]):
        vector = {"text": text, **ids_of(text)}
        strings.append({**vector, "decoded_fast": fast.decode(vector["ids_fast"], skip_special_tokens=False)})
    template = environment().from_string((FOLDER.parent / "chat-templates" / "nanbeige-4.jinja").read_text("utf8"))
    chats = []
    for chat in vectors["chats"]:
        given = {key: chat[key] for key in ("name", "messages", "tools") if key in chat}
        prompt = template.render(messages=chat["messages"], tools=chat.get("tools"), add_generation_prompt=True)
        chats.append({**given, "prompt": prompt, **ids_of(prompt)})
    source = f"tokenizer.json sha256 {hashlib.sha256(spec).hexdigest()}"
    made = {"source": source, "strings": strings, "chats": chats}
    VECTORS.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf8")


def cut_before_normalizing(spec):
    return {**spec, "added_tokens": [{**token, "normalized": False} for token in spec["added_tokens"]]}


def environment():
    """As transformers' apply_chat_template has it."""
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    env.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    return env


if __name__ == "__main__":
    main()
