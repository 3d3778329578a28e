#!/usr/bin/env python3
"""Writes tests/data/chat/templates.json: prompts that Transformers' apply_chat_template() makes.

    make_chat_templates.py [--output FILE]

The templates are written for this test, with the constructs that those of the model families use: each
ends turns and shows tools as its family does. `expressions` are single expressions with the text that
they print, or null where Jinja raises an error.

Conversations, tools and variables are JSON texts, so that the order of their members is kept. A case
names a template, a conversation and tools; `prompt` is null where the template raises an error.
"""

import argparse
import datetime
import json
import pathlib

import transformers.utils.chat_template_utils as chat

from chat_templates import TEMPLATES

HERE = pathlib.Path(__file__).resolve().parent
NOW = datetime.datetime(2026, 7, 4, 15, 6, 7)
SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

SYSTEM = {"role": "system", "content": "You are a helpful assistant.\n"}
HELLO = {"role": "user", "content": "Hello, how are you?"}
FINE = {"role": "assistant", "content": "I'm fine — thanks! 🙂"}
WEATHER = {"role": "user", "content": "  What's the weather in Zürich?\n"}
THOUGHT = {"role": "assistant", "content": "<think>\nNobody knows.\n</think>\n\nSunny, 天気."}


def call(name, arguments, number):
    function = {"name": name, "arguments": arguments}
    return {"type": "function", "id": number, "function": function}


def result(number, content):
    return {"role": "tool", "tool_call_id": number, "name": "f", "content": content}


ONE_CALL = call("get_weather", {"unit": "°C", "city": "Zürich", "days": 2}, "abcdefghi")
TWO_CALLS = [ONE_CALL, call("search", {"q": "a \"b\" 'c'\n", "opts": {"tags": []}}, "123456789")]
CONVERSATIONS = {
    "user": [HELLO],
    "system": [SYSTEM, HELLO],
    "turns": [SYSTEM, HELLO, FINE, WEATHER],
    "answered": [HELLO, FINE],
    "thought": [WEATHER, THOUGHT, HELLO],
    "thinks": [WEATHER, THOUGHT],
    "reasoning": [HELLO, {"role": "assistant", "content": "42", "reasoning": "6 * 7\n"}],
    "call": [
        WEATHER,
        {"role": "assistant", "content": None, "tool_calls": [ONE_CALL]},
        result("abcdefghi", "21.5"),
        {"role": "assistant", "content": "21.5 degrees."},
    ],
    "calls": [
        SYSTEM,
        WEATHER,
        {"role": "assistant", "content": "", "tool_calls": TWO_CALLS},
        result("abcdefghi", {"temperature": 21.5, "sure": True, "wind": None}),
        result("123456789", "nothing <found> & 'done'"),
        HELLO,
    ],
    "parts": [
        {"role": "system", "content": [{"type": "text", "text": "Be brief. "}]},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " What? "}]},
        FINE,
    ],
    "wrong_order": [FINE, HELLO],
    "no_think": [{"role": "system", "content": "Short answers. /no_think"}, HELLO, FINE],
}
GET_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather for a city.\nReturns °C.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": 'the city, e.g. "Zürich"'},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": ["integer", "null"], "minimum": 1, "default": 1.5},
            },
            "required": ["city"],
        },
        "return": {"type": "number"},
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Search <the> web",
        "parameters": {
            "type": "object",
            "properties": {
                "q": {"type": "string"},
                "opts": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
}
TOOLS = {"none": None, "one": [GET_WEATHER], "two": [SEARCH, GET_WEATHER]}
VARIABLES = {
    "qwen3": [{}, {"enable_thinking": False}],
    "smollm3": [{}, {"enable_thinking": False}],
    "llama3_tools": [{}, {"date_string": "1 Jan 2025"}],
}

VALUES = {
    "text": " Zürich ß 中文🙂\n\tx ",
    "words": "one two,three,,four",
    "odd": "ΟΔΟΣ it's \"q\" \\ \u0007\u00a0ﬁ",
    "count": 3,
    "real": 2.5,
    "tiny": 1e-07,
    "huge": 1e16,
    "yes": True,
    "nothing": None,
    "numbers": [3, 1, 2, 1],
    "mixed": [1, "a", None, True, 2.0],
    "rows": [{"k": "x", "v": 1}, {"k": "Y", "v": 2}, {"k": "x", "v": 3, "o": {"p": "q"}}],
    "table": {"b": 1, "A": {"c": [1, 2]}, "items": None},
}
EXPRESSIONS = r"""
text | trim ; text.strip() | length ; text | length ; text[1:7] ; text[::-1] ; text | upper ; text | title ; text | capitalize
odd ; odd | lower ; odd.title() ; [odd] ; odd | tojson ; odd | tojson(ensure_ascii=true) ; text | list ; text[3] ; text[99]
words.split() ; words.split(',') ; words.split(',', 1) ; words.rsplit(',', maxsplit=1) ; words.split(',') | join('+') ; words.split('')
words.replace('o', '0') ; words.replace('o', '0', 1) ; words | replace('', '.') ; words.find('two') ; words.find('no') ; words.startswith(('x', 'one'))
words.lstrip('no') ; words.rstrip('ru') ; ' \u3000x\x1f '.strip() ; 'a\nb\r\nc'.splitlines() ; 'ab' * 3 ; 'ab' ~ 1 ~ none ~ 1.0 ; 'ab' + 1
count / 2 ; count // -2 ; count % -2 ; -7 // 2 ; 7.5 // -2 ; -7.5 % 2 ; 1 / 0 ; 2 + 3 * 4 - 5 ; -count | abs ; 1_000 + 0x1F ; 1e3 ; 9223372036854775807
real ; tiny ; huge ; 1.0 ; 100000.0 * 3 ; 0.1 + 0.2 ; real | round ; 3.5 | round ; 2.675 | round(2) ; 2.1 | round(0, 'ceil') ; 7 | round ; '3.9' | int ; ' 42 ' | int ; 'x' | int(7) ; '1_0' | float ; 'x' | float
yes ; nothing ; undefined_name ; [true, none, 1.5, 'a', ('b',), {'c': ()}] ; yes + 1 ; not nothing ; yes and 'x' or 'y' ; nothing or 'y'
1 < 2 < 3 ; 1 < 2 > 3 ; 'a' < 'b' ; 'a' < 1 ; [1, 2] < [1, 3] ; 1 == 1.0 ; true == 1 ; 'a' in 'cat' ; 1 in 'cat' ; 'b' in table ; 5 not in numbers ; not 5 in numbers ; 1 in nothing
table ; table.b ; table['A'].c[1] ; table.A.c.1 ; table.items() ; table['items'] ; table.keys() | list ; table.values() | list | length ; table.get('z', 'no') ; table.get('z') ; table.z ; table.z.y ; table.z is defined
table | tojson ; table | tojson(indent=2) ; table | tojson(separators=(',', ':')) ; table | tojson(sort_keys=true, indent=1) ; [] | tojson(indent=2) ; table | items | list ; table | dictsort ; table | list ; undefined_name | tojson
numbers | sort ; numbers | sort(reverse=true) ; numbers | unique | list ; numbers | min ; numbers | max ; numbers | sum ; [] | max ; numbers | first ; numbers | last ; [] | first ; numbers | reverse | list ; numbers[::2] ; numbers[-2:] ; numbers[1:] + [9] ; numbers[5]
mixed ; mixed | sort ; mixed | select('string') | list ; mixed | reject('none') | list ; mixed | map('string') | join('|') ; numbers | select('>', 1) | list ; numbers | select('odd') | list ; numbers | map('default') | list
rows | map(attribute='k') | list ; rows | map(attribute='o.p', default='-') | list ; rows | selectattr('k', 'equalto', 'x') | map(attribute='v') | list ; rows | rejectattr('o') | list | length ; rows | sort(attribute='k,v', reverse=true) | map(attribute='v') | list ; rows | sum(attribute='v') ; rows | join(', ', attribute='k') ; rows | selectattr('k', 'in', ['Y']) | first
count is number ; real is integer ; yes is integer ; yes is number ; nothing is none ; words is string ; table is mapping ; numbers is sequence ; table is iterable ; count is iterable ; count is odd ; count is divisibleby 3 ; count is not even ; 3 is eq 3 ; 2 is in numbers ; yes is sameas true ; words is defined and words ; undefined_name is undefined
range(4) | list ; range(5, 0, -2) | list ; range(3) ; range(2)[1] ; range(0, 10, 3)[1:] ; dict(a=1, b=2) ; dict([('x', 1)], y=2) ; namespace(a=1).a ; {'a': 1, 'a': 2, 1: 'x', true: 'y'} ; {}['a'] ; 'x' if count > 2 else 'y' ; 'x' if count > 5
strftime_now('%Y-%m-%d') ; strftime_now('%d %B %Y, %A %H:%M:%S') ; strftime_now('%-d/%-m/%y %I %p %b %a %j %%') ; 'a\nb' ; 'a' 'b' ; 'q\x41\u00e9\'\"\d' ; 'a\nb\n\nc' | indent(2) ; 'a\nb\n\nc' | indent(2, true, true) ; 'a\nb' | indent('> ')
words | default('x') ; undefined_name | default('x') ; '' | default('x', true) ; nothing | default('x', boolean=true) ; undefined_name | length ; undefined_name.x ; undefined_name + 1 ; undefined_name == 1 ; undefined_name ~ 'x' ; (1, 2) + (3,) ; (1) ; () ; [1, 2,] ; numbers.append(1) ; table.update(table)
'<' + ('&' | safe) + '"' ; ('<' | safe) ~ '&' ; ('<' | safe) + ('&' | safe) + "'>" ; '<' + '&'
"""


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(*NOW.timetuple()[:6])


def without_nulls(message):
    """As apply_chat_template() passes a message on."""
    return {key: value for key, value in message.items() if value is not None}


def prompt(template, messages, tools, add_generation_prompt, variables):
    """What apply_chat_template() returns, None for an error."""
    try:
        rendered, _ = chat.render_jinja_template(
            [[without_nulls(message) for message in messages]],
            tools=tools,
            chat_template=template,
            add_generation_prompt=add_generation_prompt,
            **SPECIAL_TOKENS,
            **variables,
        )
        return rendered[0]
    except Exception:  # whatever the template or Python finds wrong
        return None


def printed(expression):
    try:
        return chat._compile_jinja_template("{{ " + expression + " }}").render(**VALUES)
    except Exception:
        return None


def combinations(template):
    """Names of conversations and tools, and whether the assistant is asked to speak."""
    for conversation in CONVERSATIONS:
        yield conversation, "none", False
        yield conversation, "none", True
        if "tools" in template:
            yield conversation, "two", True
    if "tools" in template:
        yield "turns", "one", False


def cases():
    for name, template in TEMPLATES.items():
        for conversation, tools, generation in combinations(template):
            for variables in VARIABLES.get(name, [{}]):
                yield {
                    "template": name,
                    "messages": conversation,
                    "tools": tools,
                    "add_generation_prompt": generation,
                    "variables": json.dumps(variables),
                    "prompt": prompt(
                        template, CONVERSATIONS[conversation], TOOLS[tools], generation, variables
                    ),
                }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default=HERE.parent / "data/chat/templates.json")
    output = parser.parse_args().output
    chat.datetime = FixedTime
    expressions = [text.strip() for line in EXPRESSIONS.splitlines() for text in line.split(" ; ")]
    data = {
        "templates": TEMPLATES,
        "conversations": {name: json.dumps(value) for name, value in CONVERSATIONS.items()},
        "tools": {name: json.dumps(value) for name, value in TOOLS.items()},
        "cases": list(cases()),
        "values": json.dumps(VALUES),
        "expressions": [[text, printed(text)] for text in expressions if text],
    }
    text = json.dumps(data, ensure_ascii=False, indent=0)
    pathlib.Path(output).write_text(text + "\n", encoding="utf-8")
    found = [case["prompt"] is not None for case in data["cases"]]
    print(f"{sum(found)} prompts, {len(found) - sum(found)} errors")
    printable = [text is not None for _, text in data["expressions"]]
    print(f"{sum(printable)} expressions, {len(printable) - sum(printable)} errors")


if __name__ == "__main__":
    main()
