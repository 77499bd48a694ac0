"""Write test/fixtures/chat-templates/continued.json: prompts that end within their last message, by transformers' continue_final_message.

    pip install transformers==4.57.3 jinja2
    python test/reference/continued_messages.py

Only what transformers calls before it tokenizes runs (utils/chat_template_utils.py). null: it refuses.
"""

import json
import pathlib

from transformers.utils.chat_template_utils import render_jinja_template

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "chat-templates"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def user(content):
    return {"role": "user", "content": content}


def assistant(content):
    return {"role": "assistant", "content": content}


CHATS = {
    "words": [user("Why?"), assistant("Because it")],
    "white space around": [user("Why?"), assistant("  Because it \n")],
    "a line begun": [user("Write code."), assistant("```py\n    x =")],
    "words that stand before": [user("Say: Because it"), assistant("Because it")],
    "a later turn": [user("1"), assistant("one"), user("2"), assistant("tw")],
    "system": [{"role": "system", "content": "Be brief."}, user("Hi 😀"), assistant("Hé")],
    "one letter of the frame": [user("Hi"), assistant("<")],
}


def render(template, messages):
    try:
        (text,), _ = render_jinja_template(
            conversations=[messages], chat_template=template, continue_final_message=True, **TOKENS
        )
        return text
    except Exception:  # of many kinds
        return None


prompts = {
    path.stem: {name: render(path.read_text(), messages) for name, messages in CHATS.items()}
    for path in sorted(FOLDER.glob("*.jinja"))
}
text = json.dumps({"chats": CHATS, "prompts": prompts}, ensure_ascii=False, indent=1)
(FOLDER / "continued.json").write_text(text + "\n")
