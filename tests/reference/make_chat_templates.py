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

HERE = pathlib.Path(__file__).resolve().parent
NOW = datetime.datetime(2026, 7, 4, 15, 6, 7)
SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

TEMPLATES = {
    "chatml": """\
{% for turn in messages %}{{ '<|im_start|>' + turn['role'] + '\\n' + turn['content'] + '<|im_end|>' + '\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
""",
    "llama2": """\
{% if messages and messages[0].role == 'system' %}
    {% set turns, instructions = messages[1:], messages[0].content %}
{% else %}
    {% set turns, instructions = messages, false %}
{% endif %}
{% for turn in turns %}
    {% if (turn.role == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('user and assistant must take turns, not ' ~ turn.role) }}
    {% endif %}
    {% set text = '<<SYS>>\\n' ~ instructions ~ '\\n<</SYS>>\\n\\n' ~ turn.content if loop.first and instructions is not false else turn.content %}
    {% if turn.role == 'user' %}
        {{- bos_token ~ '[INST] ' ~ text | trim ~ ' [/INST]' }}
    {% else %}
        {{- ' ' ~ text | trim ~ ' ' ~ eos_token }}
    {% endif %}
{% endfor %}
""",
    "llama3": """\
{% macro header(role) -%}
    <|start_header_id|>{{ role }}<|end_header_id|>{{ '\\n\\n' }}
{%- endmacro -%}
{%- for turn in messages -%}
    {{- bos_token if loop.first -}}
    {{- header(turn.role) ~ turn['content'] | trim ~ '<|eot_id|>' -}}
{%- endfor -%}
{{- header('assistant') if add_generation_prompt else '' -}}
""",
    "llama3_tools": """\
{{- bos_token }}
{%- set today = date_string if date_string is defined else strftime_now("%d %b %Y") %}
{%- set tools = custom_tools if custom_tools is defined else tools %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system, messages = messages[0]['content'] | trim, messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: " ~ today ~ "\\n\\n" }}
{%- if tools is not none and tools %}
    {{- 'Answer with {"name": function name, "parameters": dictionary of arguments}.\\n\\n' }}
    {%- for tool in tools %}
        {{- tool | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system }}<|eot_id|>
{%- for m in messages %}
    {%- if not (m.role in ['ipython', 'tool'] or 'tool_calls' in m) %}
        {{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in m %}
        {%- if m.tool_calls | length != 1 %}
            {{- raise_exception("one call at a time!") }}
        {%- endif %}
        {%- set call = m.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + call.name + '", "parameters": ' }}{{ call.arguments | tojson }}{{ "}<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if m.content is mapping or m.content is iterable and m.content is not string %}
            {{- m.content | tojson }}
        {%- else %}
            {{- m.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "mistral_v1": """\
{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}{% elif m['role'] == 'assistant' %}{{ m['content'] + eos_token}}{% else %}{{ raise_exception('only user and assistant') }}{% endif %}{% endfor %}
""",
    "mistral_v3": """\
{%- set ns = namespace(index=0, calls=0) %}
{%- set system = messages[0]["content"] if messages[0]["role"] == "system" else none %}
{%- set turns = messages[1:] if system is not none else messages %}
{%- set users = turns | selectattr("role", "equalto", "user") | list %}
{%- for m in turns | rejectattr("role", "in", ["tool", "tool_results"]) if not m.tool_calls is defined %}
    {%- if (m["role"] == "user") != (ns.index % 2 == 0) %}
        {{- raise_exception("roles must alternate") }}
    {%- endif %}
    {%- set ns.index = ns.index + 1 %}
{%- endfor %}
{{- bos_token }}
{%- for m in turns %}
    {%- if m["role"] == "user" %}
        {%- if tools is not none and m == users[-1] %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {{- ", " if not loop.last else "" }}
                {%- endfor %}
                {{- "}}" }}
                {{- ", " if not loop.last else "]" }}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {{- "[INST] " + (system + "\\n\\n" if loop.last and system else "") + m["content"] + "[/INST]" }}
    {%- elif m.tool_calls is defined and m.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for call in m.tool_calls %}
            {%- set text = call.function|tojson %}
            {{- text[:-1] }}
            {%- if call.id is not defined or call.id|length != 9 %}
                {{- raise_exception("ids have 9 characters") }}
            {%- endif %}
            {{- ', "id": "' + call.id + '"}' + (", " if not loop.last else "]" + eos_token) }}
        {%- endfor %}
    {%- elif m["role"] == "assistant" %}
        {{- " " + m["content"]|trim + eos_token}}
    {%- elif m["role"] == "tool" %}
        {%- set content = m.content.content if m.content is mapping and m.content.content is defined else m.content %}
        {{- '[TOOL_RESULTS] {"content": ' + content|string + ", " + '"call_id": "' + m.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception("unknown role: " + m["role"]) }}
    {%- endif %}
{%- endfor %}
""",
    "qwen2": """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {{- messages[0].content if messages[0].role == 'system' else 'You help.' }}
    {{- "\\n\\n# Tools\\n<tools>" }}
    {%- for tool in tools %}{{ "\\n" }}{{ tool | tojson }}{% endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for m in messages %}
    {%- if (m.role == "user") or (m.role == "system" and not loop.first) or (m.role == "assistant" and not m.tool_calls) %}
        {{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}
    {%- elif m.role == "assistant" %}
        {{- '<|im_start|>' + m.role }}
        {%- if m.content %}{{- '\\n' + m.content }}{%- endif %}
        {%- for call in m.tool_calls %}
            {%- if call.function is defined %}{%- set call = call.function %}{%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}{{- call.name }}{{- '", "arguments": ' }}
            {{- call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif m.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}{{- m.content }}{{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
""",
    "qwen3": """\
{%- set ns = namespace(searching=true, last_query=messages|length - 1) %}
{%- for m in messages[::-1] %}
    {%- set place = (messages|length - 1) - loop.index0 %}
    {%- if ns.searching and m.role == "user" and m.content is string and not(m.content.startswith('<tool_response>') and m.content.endswith('</tool_response>')) %}
        {%- set ns.searching = false %}
        {%- set ns.last_query = place %}
    {%- endif %}
{%- endfor %}
{%- for m in messages %}
    {%- set content = m.content if m.content is string else '' %}
    {%- if m.role == "assistant" %}
        {%- set thought = '' %}
        {%- if m.reasoning_content is string %}
            {%- set thought = m.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query and (loop.last or (not loop.last and thought)) %}
            {{- '<|im_start|>' + m.role + '\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + m.role + '\\n' + content }}
        {%- endif %}
        {%- for call in m.tool_calls %}
            {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
            {{- '<tool_call>' ~ call.function.name ~ ': ' }}
            {%- if call.function.arguments is string %}{{- call.function.arguments }}{%- else %}{{- call.function.arguments | tojson }}{%- endif %}
            {{- '</tool_call>' }}
        {%- endfor %}
    {%- else %}
        {{- '<|im_start|>' + m.role + '\\n' + content }}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
""",
    "smollm2": """\
{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
You are small but helpful<|im_end|>
' }}{% endif %}{{'<|im_start|>' + m['role'] + '
' + m['content'] + '<|im_end|>' + '
'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}
""",
    "smollm3": """\
{#- Reasoning is on unless the system says otherwise. -#}
{%- set mode = "/think" if enable_thinking | default(true) else "/no_think" -%}
{%- set system = messages[0].content if messages[0].role == "system" else "" -%}
{%- if "/no_think" in system -%}
    {%- set mode = "/no_think" -%}
{%- endif -%}
{%- set system = system.replace("/no_think", "").replace("/think", "").rstrip() -%}
{{- "<|im_start|>system\\n## Metadata\\n\\nToday: " ~ strftime_now("%d %B %Y") ~ "\\nMode: " ~ mode ~ "\\n\\n" -}}
{{- system -}}
{%- if xml_tools or tools -%}
    {{- "\\n### Tools\\n" -}}
    {%- set ns = namespace(text="<tools>") -%}
    {%- for tool in (xml_tools or tools) -%}
        {%- set ns.text = ns.text ~ "\\n" ~ (tool | string) -%}
    {%- endfor -%}
    {{- ns.text ~ "\\n</tools>" -}}
{%- endif -%}
{{- "<|im_end|>\\n" -}}
{%- for m in messages -%}
    {%- set content = m.content if m.content is string else "" -%}
    {%- if m.role == "user" -%}
        {{ "<|im_start|>" + m.role + "\\n" + content + "<|im_end|>\\n" }}
    {%- elif m.role == "assistant" -%}
        {% generation %}
        {%- if mode == "/think" -%}
            {{ "<|im_start|>assistant\\n" + content.lstrip("\\n") + "<|im_end|>\\n" }}
        {%- else -%}
            {{ "<|im_start|>assistant\\n<think>\\n\\n</think>\\n" + content.lstrip("\\n") + "<|im_end|>\\n" }}
        {%- endif -%}
        {% endgeneration %}
    {%- elif m.role == "tool" -%}
        {{ "<|im_start|>user\\n" + content + "<|im_end|>\\n" }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ "<|im_start|>assistant\\n" ~ ("<think>\\n\\n</think>\\n" if mode == "/no_think") }}
{%- endif -%}
""",
    "phi3": """\
{% for m in messages %}{% if m['role'] in ('system', 'user', 'assistant') and m['content'] %}{{'<|' + m['role'] + '|>
' + m['content'] + '<|end|>
'}}{% else %}{% continue %}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>
' }}{% else %}{{ eos_token }}{% endif %}
""",
    "gemma2": """\
{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{% for m in messages %}
{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}
{{ '<start_of_turn>' + role + '
' + m['content'] | trim + '<end_of_turn>
' }}
{%- endfor %}
{% if add_generation_prompt %}{{'<start_of_turn>model
'}}{% endif %}
""",
    "gemma3": """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- else -%}
        {%- set prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}
    {%- endif -%}
    {%- set turns = messages[1:] -%}
{%- else -%}
    {%- set prefix = "" -%}
    {%- set turns = messages -%}
{%- endif -%}
{%- for m in turns -%}
    {{ '<start_of_turn>' + ("model" if m.role == 'assistant' else m.role) + '\\n' + (prefix if loop.first else "") }}
    {%- if m['content'] is string -%}
        {{ m['content'] | trim }}
    {%- elif m['content'] is iterable -%}
        {%- for part in m['content'] -%}
            {%- if part['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif part['type'] == 'text' -%}
                {{ part['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
""",
    "olmo2": """\
{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ '<|system|>\\n' + m['content'] + '\\n' }}{% elif m['role'] == 'user' %}{{ '<|user|>\\n' + m['content'] + '\\n' }}{% elif m['role'] == 'assistant' %}{% if not loop.last %}{{ '<|assistant|>\\n'  + m['content'] + eos_token + '\\n' }}{% else %}{{ '<|assistant|>\\n'  + m['content'] + eos_token }}{% endif %}{% endif %}{% if loop.last and add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}{% endfor %}
""",
    "deepseek": """\
{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(first=true, in_tools=false, system='') %}{%- for m in messages %}{%- if m['role'] == 'system' %}{% set ns.system = m['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system}}{%- for m in messages %}{%- if m['role'] == 'user' %}{%- set ns.in_tools = false -%}{{'<|User|>' + m['content']}}{%- endif %}{%- if m['role'] == 'assistant' and m['tool_calls'] is defined %}{%- set ns.in_tools = false -%}{%- for call in m['tool_calls']%}{%- if ns.first %}{{'<|Assistant|><|calls|>' + call['function']['name'] + '\\n' + '```json' + '\\n' + call['function']['arguments']|tojson + '\\n' + '```'}}{%- set ns.first = false -%}{%- else %}{{'\\n' + call['type'] + ' ' + call['function']['name']}}{%- endif %}{%- endfor %}{{'<|end|>'}}{%- elif m['role'] == 'assistant' %}{%- if ns.in_tools %}{{'<|outputs end|>' + m['content'] + '<|end|>'}}{%- set ns.in_tools = false -%}{%- else %}{% set content = m['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<|Assistant|>' + content + '<|end|>'}}{%- endif %}{%- endif %}{%- if m['role'] == 'tool' %}{%- set ns.in_tools = true -%}{{'<|output|>' ~ m['content']}}{%- endif %}{%- endfor -%}{% if ns.in_tools %}{{'<|outputs end|>'}}{% endif %}{% if add_generation_prompt and not ns.in_tools %}{{'<|Assistant|><think>\\n'}}{% endif %}
""",
    "hermes": """\
{%- macro python_type(spec) %}
    {%- set basic = {"string": "str", "number": "float", "integer": "int", "boolean": "bool"} %}
    {%- if basic[spec.type] is defined %}
        {{- basic[spec.type] }}
    {%- elif spec.type == "array" %}
        {{- "list[" + python_type(spec['items']) + "]" }}
    {%- elif spec.type == "object" %}
        {{- "dict[str, " + python_type(spec.additionalProperties) + "]" if spec.additionalProperties is defined else "dict" }}
    {%- elif spec.type is iterable and spec.type is not string %}
        {{- "Union[" }}
        {%- for kind in spec.type %}
            {{- python_type({"type": kind}) }}
            {%- if not loop.last %}{{- "," }}{%- endif %}
        {%- endfor %}
        {{- "]" }}
    {%- else %}
        {{- "Any" }}
    {%- endif %}
{%- endmacro %}
{{- '<|im_start|>system\\n<tools> ' }}
{%- for tool in tools %}
    {%- if tool.function is defined %}{%- set tool = tool.function %}{%- endif %}
    {{- tool.name + '(' }}
    {%- for name, spec in tool.parameters.properties|items %}
        {{- name + ": " + python_type(spec) }}
        {%- if not loop.last %}{{- ", " }}{%- endif %}
    {%- endfor %}
    {{- ") - " + tool.description + "\\n" }}
    {%- for name, spec in tool.parameters.properties | dictsort %}
        {%- if name in tool.parameters.required | default([]) and spec.description %}
            {{- "    " ~ name ~ ": " ~ spec.description | title }}
        {%- endif %}
    {%- endfor %}
    {{- "\\n" if not loop.last else ' </tools><|im_end|>\\n' }}
{%- else %}
    {{- '</tools><|im_end|>\\n' }}
{%- endfor %}
{%- for m in messages %}
    {%- if m.role == "assistant" and m.tool_calls %}
        {%- for call in m.tool_calls %}
            {{- '<tool_call>\\n' ~ {"name": call.function.name, "arguments": call.function.arguments} | tojson(sort_keys=true) ~ '\\n</tool_call>\\n' }}
        {%- endfor %}
    {%- elif m.role == "tool" %}
        {%- if loop.previtem and loop.previtem.role != "tool" %}{{- '<|im_start|>tool\\n' }}{%- endif %}
        {{- '<tool_response>' ~ m.content ~ '</tool_response>' }}
        {%- if not loop.last and loop.nextitem.role != "tool" %}
            {{- '<|im_end|>' }}
        {%- elif loop.last %}
            {{- '<|im_end|>' }}
        {%- endif %}
    {%- else %}
        {{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
""",
}

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


def prompt(template, messages, tools, add_generation_prompt, variables):
    """What apply_chat_template() returns, None for an error."""
    try:
        rendered, _ = chat.render_jinja_template(
            [chat._normalize_chat_messages(messages)],
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
