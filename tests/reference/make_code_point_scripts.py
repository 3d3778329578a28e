#!/usr/bin/env python3
"""Writes runtime/text/code_point_scripts.inc: which code points Hugging Face's pre-tokenizer
UnicodeScripts assigns to the same script.

    make_code_point_scripts.py OUTPUT

Its table is older than today's Unicode, and it joins some scripts (kana and ideographs). The scripts are observed, not copied: they
are numbered in the order of their first code points, and code points without a script, which never split a text, are omitted.
"""

import sys

from tokenizers import pre_tokenizers

SPLIT = pre_tokenizers.UnicodeScripts()


def pieces(text):
    return [piece for piece, _ in SPLIT.pre_tokenize_str(text)]


def runs():
    """First and last of each run of code points that have one script, in order."""
    code_points = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    with_script = [c for c in code_points if pieces(chr(c))]
    result = []
    for c in with_script:
        if result and result[-1][1] == c - 1 and len(pieces(chr(c - 1) + chr(c))) == 1:
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def main():
    scripts = []  # a code point of each
    items = []
    for first, last in runs():
        script = next((i for i, known in enumerate(scripts) if len(pieces(chr(known) + chr(first))) == 1), len(scripts))
        if script == len(scripts):
            scripts.append(first)
        items.append(f"{{0x{first:X}, 0x{last:X}, {script + 1}}},")
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) + 1 > 100:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + item
    with open(sys.argv[1], "w") as out:
        out.write("// Made by tests/reference/make_code_point_scripts.py: {first, last, script}.\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
