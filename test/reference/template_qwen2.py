"""Write test/fixtures/template-qwen2.json: prompts that jinja2 makes with the chat template of a Qwen2.5 GGUF.

    pip install jinja2 gguf
    python test/reference/template_qwen2.py node_modules/.cache/qwen/qwen2.5-coder-0.5b-instruct.gguf
"""

import json
import pathlib
import sys

import jinja2
from gguf import GGUFReader
from jinja2.sandbox import ImmutableSandboxedEnvironment

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city, <now>.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}


def call(name, arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


USER = {"role": "user", "content": "How warm is it in Köln? 好"}
CASES = {
    "user": ([USER], None),
    "system": ([{"role": "system", "content": "Be brief."}, USER], None),
    "conversation": ([USER, {"role": "assistant", "content": "Warm."}, {"role": "user", "content": "And now?"}], None),
    "tools": ([USER], [WEATHER, CLOCK]),
    "system and tools": ([{"role": "system", "content": "Be brief."}, USER], [WEATHER]),
    "tool round trip": (
        [
            USER,
            {"role": "assistant", "content": "", "tool_calls": [call("get_weather", {"city": "Köln", "days": 2}), call("clock", {})]},
            {"role": "tool", "content": '{"celsius": 21}'},
            {"role": "tool", "content": "12:00"},
            {"role": "assistant", "content": "21 degrees."},
            {"role": "user", "content": "Thanks"},
        ],
        [WEATHER, CLOCK],
    ),
    "text before a call": (
        [USER, {"role": "assistant", "content": "Let me see.", "tool_calls": [call("clock", {"a": [1, None, True, 0.5]})]}],
        [CLOCK],
    ),
}


def environment():
    """As transformers sets it up (utils/chat_template_utils.py)."""
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    made.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return made


source = GGUFReader(sys.argv[1]).fields["tokenizer.chat_template"].contents()
template = environment().from_string(source)
cases = [
    {
        "name": name,
        "messages": messages,
        **({"tools": tools} if tools else {}),
        "prompt": template.render(messages=messages, tools=tools, add_generation_prompt=True),
    }
    for name, (messages, tools) in CASES.items()
]
output = pathlib.Path(__file__).parents[1] / "fixtures" / "template-qwen2.json"
made_by = f"jinja2 {jinja2.__version__}, template of {pathlib.Path(sys.argv[1]).name}"
output.write_text(json.dumps({"source": made_by, "template": source, "cases": cases}, indent=1, ensure_ascii=False) + "\n")
