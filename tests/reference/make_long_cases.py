#!/usr/bin/env python3
"""Writes runtime/chat/long_cases.inc: the code points whose uppercase or titlecase in Python is not
one code point, with both.

    make_long_cases.py OUTPUT
"""

import sys


def escaped(text):
    """As a C++ string literal, in pieces so that no escape takes the next letter for a digit."""
    return " ".join(
        f'"{c}"' if c.isascii() else '"' + "".join(f"\\x{b:02X}" for b in c.encode()) + '"'
        for c in text
    )


def main():
    rows = []
    for code_point in range(0x110000):
        if 0xD800 <= code_point < 0xE000:
            continue
        char = chr(code_point)
        if len(char.upper()) > 1 or len(char.title()) > 1:
            rows.append(f"{{0x{code_point:04X}, {escaped(char.upper())}, {escaped(char.title())}}},")
    with open(sys.argv[1], "w", encoding="ascii") as file:
        file.write("// Written by tests/reference/make_long_cases.py.\n" + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
