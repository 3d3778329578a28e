#!/usr/bin/env python3
"""Writes tests/data/chat/folders.json: tokenizer folders with chat templates, and Transformers' prompts.

    python make_chat_folders.py [--check]

Each case has the files of a folder, except config and weights, and conversations with the text and the ids of
AutoTokenizer's apply_chat_template(), or an error. `--check` compares with the existing file, for a run with another
version of Transformers.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from transformers import AutoTokenizer

OUT = pathlib.Path(__file__).parent.parent / "data" / "chat" / "folders.json"

SPECIALS = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<tool>"]
# Bytes as byte-level BPE writes them: a space is Ġ, a line end Ċ, and é is Ã ©.
LETTERS = [*"abcdefghijklmnopqrstuvwxyz", "Ġ", "Ċ", ".", ",", ":", "{", "}", "\"", "[", "]", "_", "Ã", "©", "!", "?"]
MERGED = ["us", "er", "user", "Ġhi", "hi"]
MERGES = ["u s", "e r", "us er", "h i", "Ġ hi"]
VOCABULARY = {token: i for i, token in enumerate(SPECIALS + LETTERS + MERGED)}


def tokenizer_json():
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None,
        "added_tokens": [{"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for i, token in enumerate(SPECIALS)],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        # Every text begins with <s>: a prompt must not do so twice.
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                           "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": VOCABULARY, "merges": MERGES}}  # fmt: skip


CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TURNS = "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m['content'] | trim }}{{ eos_token }}{% endfor %}"
TOOLS = "{{ bos_token }}{% for t in tools %}<tool>{{ t | tojson }}{% endfor %}{% for m in messages %}{{ m.content }}{% endfor %}"
RAG = "{% for m in messages %}{{ loop.index }}{{ m.content }}{% endfor %}"
TOKENS = "{{ bos_token }}|{{ eos_token }}|{{ unk_token }}|{{ pad_token is defined }}|{{ image_token }}|{{ tool_token }}"
# Ends in a line end, which Jinja removes, after a CR LF.
LINES = "a\r\n{%- for m in messages %}\r\n  {{ m.content }}\n{%- endfor %}\n"


def settings(**fields):
    return {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"} | fields


def folder(config=None, **files):
    names = {"jinja": "chat_template.jinja", "processor": "chat_template.json", "specials": "special_tokens_map.json"}
    result = {"tokenizer.json": tokenizer_json(), "tokenizer_config.json": config or settings()}
    for name, content in files.items():
        result[names.get(name, f"additional_chat_templates/{name}.jinja")] = content
    return result


def named(**templates):
    return [{"name": name, "template": text} for name, text in templates.items()]


OBJECT = {"content": "</s>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
FOLDERS = {
    "setting": folder(settings(chat_template=CHATML)),
    "list": folder(settings(chat_template=named(default=TURNS, tool_use=TOOLS))),
    "list_without_default": folder(settings(chat_template=named(rag=RAG, tool_use=TOOLS))),
    "object": folder(settings(chat_template={"default": TURNS, "rag": RAG})),
    "file": folder(jinja=CHATML),
    "file_wins": folder(settings(chat_template=TURNS), jinja=CHATML),
    "file_and_others": folder(jinja=TURNS, tool_use=TOOLS, rag=RAG),
    "others_replace_the_setting": folder(settings(chat_template=CHATML), tool_use=TOOLS),
    "another_is_the_default": folder(jinja=CHATML, default=TURNS),
    "line_ends": folder(jinja=LINES),
    "bytes": folder(jinja="{{ 'é' }}{{ messages[0].content }}"),
    "tokens": folder(settings(chat_template=TOKENS, unk_token=None, image_token="<tool>",
                              eos_token=OBJECT | {"__type": "AddedToken"})),
    "tokens_by_name": folder(settings(chat_template=TOKENS, extra_special_tokens={"tool_token": "<tool>"})),
    "tokens_of_a_map": folder(settings(chat_template=TOKENS, eos_token=None),
                              specials={"eos_token": OBJECT, "unk_token": "<unk>"}),
    "tokens_without_settings": folder({"chat_template": TOKENS}),
    "refuses": folder(jinja="{{ raise_exception('users first') }}"),
    "none": folder(),
}  # fmt: skip

HI = [{"role": "user", "content": "hi user"}]
TALK = [{"role": "system", "content": " be brief.\n"}, {"role": "user", "content": "hi é"}, {"role": "assistant", "content": "hi!"},
        {"role": "user", "content": "</s> <|im_end|>?"}]  # fmt: skip
TOOL = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
INPUTS = [{"messages": HI}, {"messages": HI, "add_generation_prompt": True}, {"messages": TALK}, {"messages": HI, "tools": TOOL}]


def write(path, files):
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes((content if isinstance(content, str) else json.dumps(content)).encode())
    (path / "config.json").write_text(json.dumps({"model_type": "llama"}))


def render(tokenizer, arguments):
    arguments = dict(arguments)
    messages = arguments.pop("messages")
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, **arguments)
    except Exception as error:  # of any kind: templates raise their own
        return {"error": type(error).__name__}
    return {"text": text, "ids": tokenizer.apply_chat_template(messages, return_dict=False, **arguments)}


def make_cases():
    cases = []
    for name, files in FOLDERS.items():
        with tempfile.TemporaryDirectory() as temporary:
            write(pathlib.Path(temporary), files)
            tokenizer = AutoTokenizer.from_pretrained(temporary)
            renders = [arguments | render(tokenizer, arguments) for arguments in INPUTS]
        cases.append({"name": name, "files": files, "renders": renders})
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    cases = make_cases()
    lines = [json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in cases]
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    if not parser.parse_args().check:
        OUT.write_text(text)
        return
    for made, kept in zip(cases, json.loads(OUT.read_text())):
        if made != kept:
            print("differs:", made["name"], file=sys.stderr)
    sys.exit(OUT.read_text() != text)


if __name__ == "__main__":
    main()
