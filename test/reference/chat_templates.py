"""Write test/fixtures/chat-templates/{prompts,expressions}.json: what Python's jinja2 makes of templates, with the settings of transformers.

    pip install jinja2
    python test/reference/chat_templates.py

The settings are those of transformers 5 (utils/chat_template_utils.py): a sandbox, trim_blocks, lstrip_blocks, break and continue, the
generation tag, raise_exception, strftime_now, and a tojson that leaves HTML and non-ASCII as they are.
"""

import datetime
import json
import pathlib

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "chat-templates"


class Generation(jinja2.ext.Extension):
    """The generation tag: its body, as it is."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


ENVIRONMENT = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
)
ENVIRONMENT.filters["tojson"] = tojson
ENVIRONMENT.globals["raise_exception"] = raise_exception
ENVIRONMENT.globals["strftime_now"] = lambda form: datetime.datetime(2026, 1, 2, 3, 4, 5).strftime(form)


def render(source, variables):
    """The text, or None where the template refuses."""
    try:
        return ENVIRONMENT.from_string(source).render(**variables)
    except Exception:  # of many kinds: TemplateError, TypeError, ValueError, ...
        return None


TOOLS = json.loads(
    """[{"type": "function", "function": {"name": "get_weather", "description": "The weather, \\"now\\" & <here> ☀️", "parameters": {
      "type": "object", "properties": {"city": {"type": "string", "description": "Ort"}, "10": {"type": "integer"}, "2": {"type":
      "number", "minimum": -0.0, "maximum": 48.0, "default": 1e-7}, "unit": {"type": "string", "enum": ["C", "F"]}},
      "required": ["city"], "additionalProperties": false}}},
     {"type": "function", "function": {"name": "stop", "description": "No parameters", "parameters": {"type": "object", "properties": {}}}}]"""
)


def call(name, arguments, id="call00001"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def system(content):
    return {"role": "system", "content": content}


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **fields):
    return {"role": "assistant", "content": content, **fields}


def tool(content, id="call00001", name="get_weather"):
    return {"role": "tool", "content": content, "tool_call_id": id, "name": name}


CODE = "\n\n    def f(x):\n        return x  \n"
NUMBERS = '{"10": 1, "2": [48.0, -0.0, 1e-7, 1E16, 12345678901234567890123, 9007199254740993, 1.5e300, 0.1, -3], "b": {"a": null, "z": true}}'

CHATS = {
    "user": [user("Hello!")],
    "system": [system("  Be kind.\n"), user("Hi 😀, 你好\u00a0")],
    "developer and blanks": [system(""), user("  two  spaces \n")],
    "turns": [user("1"), assistant("one"), user("2"), assistant("  two  "), user("3\n\n")],
    "system and turns": [system("S"), user("1"), assistant("one\n"), user("2"), assistant("two"), user("3")],
    "code after reasoning": [user("Write."), assistant("<think>\nLet me\n\n see.\n</think>" + CODE), user("More.")],
    "reasoning field": [user("Why?"), assistant(CODE, reasoning_content="\n Because. \n"), user("So?")],
    "reasoning last": [user("Why?"), assistant("Therefore.", reasoning_content="Because.")],
    "empty reasoning": [user("Why?"), assistant("\nTherefore.\n", reasoning_content="")],
    "ends with the assistant": [user("Why?"), assistant("Because it")],
    "tools": ([user("Weather in Köln?")], TOOLS),
    "tools and system": ([system("Use tools."), user("Weather?")], TOOLS),
    "tool call": ([user("Weather?"), assistant("", tool_calls=[call("get_weather", '{"city": "Köln 😀", "unit": "C"}')]),
                   tool('{"t": 21.50}'), assistant("21.5"), user("Thanks")], TOOLS),
    "numbers": ([user("Count."), assistant("", tool_calls=[call("get_weather", NUMBERS)]), tool("ok")], TOOLS),
    "calls in parallel": ([user("Both."), assistant("Right away.", tool_calls=[call("get_weather", '{"city": "A"}'), call("stop", "{}", "call00002")]),
                           tool("sun"), tool("[1, 2]", "call00002", "stop"), assistant("Sun."), user("Ok")], TOOLS),
    "calls with reasoning": ([user("Go."), assistant("", reasoning_content="I need it.", tool_calls=[call("stop", "{}")]),
                              tool("done", name="stop"), assistant("Done.", reasoning_content="It is.")], TOOLS),
    "a user who looks like a tool": [user("a"), user("<tool_response>x</tool_response>"), assistant("b"), user("<tool_response>y</tool_response>")],
    "wrong order": [assistant("first"), user("then")],
    "escapes": [user('{{ x }} {% if %} \\n \\" \t <b>&amp;</b> \u2028 \u0000 \x7f')],
}

# What templates are found to use, and where engines were seen to differ.
EXPRESSIONS = r"""
'  x \n'.strip() | '\n  x\n'.strip('\n') | '--x-'.lstrip('-') | 'xyx'.rstrip('yx') | '\ufeffx\u0085'.strip() | '\n    code'.lstrip('\n')
'a-b-c'.split('-') | ' a  b '.split() | 'a-b-c'.split('-', 1) | 'a-b-c'.rsplit('-', 1) | ' a b  c'.rsplit(None, 1) | ' a b  c '.rsplit() | ' a  b c '.split(None, 1) | '  '.split() | '  a '.split(none, 0) | 'a</t>b'.split('</t>')[-1] | 'abc'.split('') | 'a,b'.split(sep=',')
'a\nb\r\nc'.splitlines() | 'a\n\nb\n'.splitlines(true) | ''.splitlines() | 'abcabc'.replace('b', '') | 'aaa'.replace('a', 'b', 2) | 'aba'.count('a') | 'éa'.find('a') | 'ab'.find('x') | 'abab'.rfind('b') | 'abc'.index('c') | 'abc'.index('x')
'Hello'.upper() | 'ẞİ'.lower() | "they're BILL's".title() | 'hELLO wORLD'.capitalize() | 'a'.swapcase() | 'abc'.startswith('ab') | 'abc'.startswith(('x', 'a')) | 'abc'.endswith('bc') | 'a b'.startswith('b', 2)
','.join(['a', 'b']) | '-'.join('abc') | ','.join([1]) | '{}-{}'.format(1, 'b') | '{0}{x}'.format('a', x=2) | '%s: %d' % ('a', 3) | '%s' % 1.0 | '%.2f' % 1.005 | '%05d|%x' % (42, 255) | '%s'|format('a') | '%s-%s'|format('a', 3)
'abc'.isalpha() | '123'.isdigit() | ''.isdigit() | 'a1'.isalnum() | ' '.isspace() | 'ab'.islower() | 'AB1'.isupper() | '1'.isnumeric() | 'abc'.removeprefix('a') | 'abc'.removesuffix('c') | 'x'.zfill(3) | 'x'.center(5, '*') | 'x'.ljust(3) ~ '|' | 'a:b'.partition(':') | 'a:b:c'.rpartition(':')
'😀b'[0] | '😀b'[1] | '😀b'[-1] | '😀b'|length | '😀bc'[::-1] | '😀bc'[1:] | 'abc'[5] | 'abc'[-3:-1] | [1, 2, 3][::-1] | [1, 2, 3][-1] | [1, 2, 3][3] | [1, 2, 3][1:] | [1, 2, 3][:-1]
'abc'|first | 'abc'|last | ''|first | []|last | [1, 2]|first | '😀b'|first | 'abc'|list | 'abc'|reverse | {'a': 1}|list | {'a': 1}|length
'xax'|trim('x') | ' a '|trim | 'a b'|title | "they're a-b (c"|title | 'aBC'|capitalize | 'abc'|replace('b', 'x') | 'aaa'|replace('a', 'b', 1) | 'a\nb\n\nc'|indent | 'a\nb'|indent(2, true) | 'a\n\nb'|indent(width=2, blank=true) | '\na'|indent(1, true) | 'a\nb'|indent('> ') | 'ab'|upper | 'AB'|lower | 'a'|center(3) | 'abcdefghijk'|truncate(8) | 'a b'|wordcount
-7 % 3 | 7 % -3 | -7 // 2 | 7 // 2 | 7 / 2 | 6 / 2 | 2 ** 10 | 2 ** -1 | 2.5 * 2 | 1 + 1.0 | 1e3 | 9007199254740993 + 1 | 2 ** 64 | 1 / 0 | 1 % 0 | -7.5 % 2 | 'a' * 3 | [0] * 2 | true + 1 | 1 + 'a' | 'a' + 1 | 'a' ~ 1 ~ none ~ true ~ 1.0 | -5|abs | 5.7|int | '12'|int | 'x'|int(3) | '1.5'|float | 3.5|round | 2.567|round(1) | 2.5|round|int | -3 | -(-3) | +1 | -true
1.0 is float | 1 is float | 1 is integer | true is integer | 1.5 is number | true is number | 'a' is string | [] is sequence | 'a' is sequence | {} is sequence | {} is mapping | [] is iterable | {} is iterable | 1 is iterable | none is none | x is defined | x is undefined | x is none | 3 is odd | 4 is even | true is boolean | 1 is boolean | true is true | 1 is true | 'a' is lower | 'A' is upper | range is callable | 4 is divisibleby(2) | 4 is divisibleby 3 | 1 is eq 1 | 1 is equalto(2) | 'a' is in ['a'] | 1 is not in [2] | 1 is sameas 1 | 2 is gt 1 | not 3 is odd
1 == 1.0 | 1 == true | 1 == '1' | none == false | [1, 2] == [1, 2] | {'a': 1} == {'a': 1.0} | 'a' != 'b' | x == y | x == none | 1 < 2 | 'a' < 'b' | 'a' < 1 | [1, 2] < [1, 3] | 1 in [1.0] | 'a' in 'abc' | 'x' not in 'abc' | 'a' in {'a': 1} | 1 in {'a': 1} | 1 in 'abc' | 'a' in x | not x | 1 and 0 | [] or 'b' | 'a' and 'b' | not [] | 1 if true | 1 if false | 1 if x else 2
none | true | false | 1 | 1.0 | -0.0 | 1e-07 * 1 | 100000000000000000000.0 | 0.1 + 0.2 | x | [1, 'a', none, true, 1.0, 'it\'s', "q\"'"] | {'a': [1], 'b': {'c': none}} | (1, 2) | (1,) | 'a\\b\n\t' | ['a\\b\n\té\u200b\x00'] | []|string | {}|string | none|string | true|string
'<a> & "b" \' é 😀 \u2028 \x1f'|tojson | [1, 1.0, -0.0, none, true, {'a': []}]|tojson | {'b': 1, 'a': 2}|tojson | {'b': [1, {}], 'a': {}}|tojson(indent=2) | {'b': 1, 'a': 'é'}|tojson(sort_keys=true, ensure_ascii=true) | [1, 2]|tojson(separators=(',', ':')) | 0.0000001|tojson | 1000000000000000000000.0|tojson | x|tojson | (1, 2)|tojson
[3, 1, 2]|sort | ['b', 'A', 'c']|sort | ['b', 'A']|sort(case_sensitive=true) | [1, 3, 2]|sort(reverse=true) | [{'a': 2}, {'a': 1}]|sort(attribute='a') | [1, 1, 2]|unique|list | ['a', 'b']|join | ['a', 1]|join(', ') | [{'n': 'x'}]|join(',', attribute='n') | [1, 2]|sum | [1, 5]|max | [1, 5]|min | [1, 2, 3]|batch(2)|list | {'b': 1, 'a': 2}|dictsort | {'b': 1}|items|list | 'abc'|map('upper')|list | [{'a': 1}, {}]|map(attribute='a')|list | [{'a': 1}, {}]|map(attribute='a', default=0)|list | ['a', 'B']|map('lower')|join | [0, 1, 2]|select|list | [0, 1, 2]|reject('odd')|list | [1, 2, 3]|select('gt', 1)|list | [{'r': 'u'}, {'r': 's'}]|selectattr('r', 'equalto', 'u')|list | [{'r': 'u'}, {'r': 's'}]|rejectattr('r', 'in', ['u'])|list | [{'r': 0}, {'r': 1}]|selectattr('r')|list | [{'r': 1}]|selectattr('q', 'defined')|list | [{'g': 1, 'v': 'a'}, {'g': 1, 'v': 'b'}]|groupby('g')|length
x|default('d') | ''|default('d') | ''|default('d', true) | none|default('d') | x|d('e') | {'a': 1}.get('a') | {'a': 1}.get('b') | {'a': 1}.get('b', 2) | {'a': 1}.items()|list | {'a': 1}.keys()|list | {'a': 1}.values()|list | {'items': 3}.items()|list | {'items': 3}['items'] | {'a': 1}.a | {'a': 1}['b'] | {'a': {'b': 2}}.a.b | x.y | {'a': 1}.b.c | none.a | 'a'.b | [1].index(1) | [1, 1].count(1) | [1].append(2) | dict(a=1, b='c') | dict(a=1)|tojson | range(3)|list | range(1, 6, 2)|list | range(3, 0, -1)|list | {'a': 1}|length | 5|length | none|length | x|length
raise_exception('no') | y() | 'a'.nope() | 'a'|nope | 1 is nope | strftime_now('%Y-%m-%d %H:%M:%S') | strftime_now('%d %b %Y, %B, %A %a %j %y %I %p %%') | namespace(a=1).a | 'a''b' | "\u00e9\x41" | 'a'.upper().lower()[0] | (1, 'a')[1] | ('a' 'b')|upper | 'a'|e | '<'|escape | 'a'|safe | '<a>'|safe | 'A' if 1 else 'B' if 0 else 'C' | [x for] | 1 ~ 2 + 3 | 2 + 3 ~ 4 | 3 - 1 - 1 | 2 * 3 + 4 | 10 - 2 * 3 | 2 ** 3 ** 2 | not 1 == 2 | 1 < 2 and 2 < 3 | 'a' in 'ab' and 'c' not in 'ab'
"""

TEMPLATES = [
    "{% for i in [1, 2, 3, 4] %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}x{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in [] %}a{% else %}b{% endfor %}{% for i in [1] %}{% continue %}{% else %}b{% endfor %}",
    "{% for i in 'a😀b' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }} {% endfor %}",
    "{% for i in [1, 2, 3] %}{{ loop.cycle('a', 'b') }}{% endfor %}{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{% endfor %}",
    "{% for i in [1, 2] %}{% if loop.first %}{% set x = 1 %}{% endif %}[{{ x }}]{% endfor %}{{ x }}",
    "{% set ns = namespace(n=0) %}{% for i in [1, 2, 3] if i is odd %}{% set ns.n = ns.n + i %}{{ loop.index }}{% endfor %}{{ ns.n }}",
    "{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}={{ v }} {% endfor %}{% for k in {'b': 1, 'a': 2} %}{{ k }}{% endfor %}",
    "{% for k, v in {'b': 1, 'a': 2}|items %}{{ k }}={{ v }} {% endfor %}{% for k, v in {'b': 1, 'a': 2}|dictsort %}{{ k }}{% endfor %}",
    "{% for a in [[1, 2], [3, 4]] %}{% for b in a %}{{ loop.index }}{{ b }}{% endfor %}{% endfor %}",
    "{% macro f(a, b='x') %}<{{ a }}{{ b }}>{% endmacro %}{{ f(1) }}{{ f(2, b=3) }}{{ f('a') | upper }}",
    "{% macro f(a) %}{% if a %}{{ a[0] }}{{ f(a[1:]) }}{% endif %}{% endmacro %}{{ f('abc') }}",
    "{% macro wrap() %}[{{ caller() }}]{% endmacro %}{% call wrap() %}in{% endcall %}",
    "{% set x %}a{{ 1 }}{% endset %}{{ x }}{% set a, b = 1, 2 %}{{ a }}{{ b }}{% filter upper %}abc{% endfilter %}",
    "a\n  {% if true %}\n  b\n  {% endif %}\n  c {# no #}\n{#- no -#}\n d",
    "{%- if true -%}  x  {%- endif -%}  y\n",
    "{% generation %}x{% endgeneration %}\n{%- generation -%} y {%- endgeneration -%} z",
    "{{ bos_token }}{{ eos_token }}{{ unk_token }}{% if tools %}a{% endif %}{% if tools is none %}n{% endif %}{% if documents is none %}d{% endif %}",
    "{% if x is not defined %}a{% elif true %}b{% else %}c{% endif %}{% if not tools is defined %}t{% endif %}",
    "{{ messages[0].content }}{{ messages[0]['role'] }}{{ messages|length }}{{ messages[-1].nope }}{{ messages[1:]|length }}",
    "{{ messages[0].nope.nope }}", "{% for x in none %}{% endfor %}", "{% for x in nope %}{% endfor %}ok", "{{ nope + 'a' }}", "{{ nope ~ 'a' }}",
    "{{ [1, 2, 3] | map('string') | join('-') }}{{ messages | map(attribute='role') | list }}{{ messages | selectattr('role', 'ne', 'user') | list | length }}",
    "{% set x = 'a' %}{% set x = x + 'b' %}{{ x }}{% if 'b' in x and x.endswith('b') %}!{% endif %}",
    "{% if True and not False and None is none %}T{% endif %}",
]


def chat(entry):
    messages, tools = entry if isinstance(entry, tuple) else (entry, None)
    return messages, tools


def parsed(message):
    """As our API hands messages to templates: arguments are objects."""
    if "tool_calls" not in message:
        return message
    calls = [{**c, "function": {**c["function"], "arguments": json.loads(c["function"]["arguments"])}} for c in message["tool_calls"]]
    return {**message, "tool_calls": calls}


def variables(messages, tools, add_generation_prompt):
    return {
        "messages": messages, "tools": tools, "documents": None, "add_generation_prompt": add_generation_prompt,
        "bos_token": "<s>", "eos_token": "</s>",
    }


def main():
    prompts = {}
    for path in sorted(FOLDER.glob("*.jinja")):
        source = path.read_text()
        prompts[path.stem] = {
            f"{name}{'' if add else ', without a header'}": render(source, variables([parsed(m) for m in messages], tools, add))
            for name, entry in CHATS.items()
            for messages, tools in [chat(entry)]
            for add in ([True, False] if name in ("turns", "tool call") else [True])
        }
    chats = {name: dict(zip(("messages", "tools"), chat(entry))) for name, entry in CHATS.items()}
    write("prompts.json", {"chats": chats, "prompts": prompts})

    expressions = [f"{{{{ {e.strip()} }}}}" for line in EXPRESSIONS.strip().split("\n") for e in split(line)]
    scope = variables([user("Hi"), assistant("Yo")], None, True)
    write("expressions.json", {source: render(source, scope) for source in expressions + TEMPLATES})


def split(line):
    """At the bars between expressions, not those of filters: these have spaces on both sides of none."""
    return line.split(" | ")


def write(name, value):
    (FOLDER / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


main()
