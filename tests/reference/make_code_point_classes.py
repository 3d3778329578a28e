#!/usr/bin/env python3
"""Writes runtime/text/code_point_classes.inc: how Hugging Face's normalizers and pre-tokenizers
classify every Unicode code point.

    make_code_point_classes.py OUTPUT

They take categories from a Rust crate that stopped at Unicode 8 and combining classes from one that
stopped at Unicode 9, so marks and punctuation of newer scripts count as letters there. The classes are observed, not copied: each code point goes through the
installed `tokenizers` package.
"""

import sys

from tokenizers import normalizers, pre_tokenizers

REMOVED, SPACE, NONSPACING, PUNCTUATION, REORDERED, MARK, NUMERIC = 1, 2, 4, 8, 16, 32, 64
OFF = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
CLEAN = normalizers.BertNormalizer(**{**OFF, "clean_text": True})
STRIP = normalizers.BertNormalizer(**{**OFF, "strip_accents": True})
NFD = normalizers.NFD()
# The only mark of combining class 240, the highest: every other mark moves before it.
LAST_MARK = "\u0345"
STRIP_ACCENTS = normalizers.StripAccents()
SPLIT = pre_tokenizers.BertPreTokenizer()
DIGITS = pre_tokenizers.Digits(individual_digits=True)


def moves_before_last_mark(char):
    """Whether `char` has a combining class other than 0 in canonical ordering."""
    decomposed = NFD.normalize_str(char)
    return decomposed == char and NFD.normalize_str(LAST_MARK + char) == char + LAST_MARK


def flags(code_point):
    """The class of one code point, as the bits of CodePointClass."""
    if 0xD800 <= code_point < 0xE000:
        return 0
    char = chr(code_point)
    words = [word for word, _ in SPLIT.pre_tokenize_str("a" + char + "b")]
    return (
        REMOVED * (CLEAN.normalize_str(char) == "")
        + NONSPACING * (STRIP.normalize_str(char) == "")
        + SPACE * (words == ["a", "b"])
        + PUNCTUATION * (words == ["a", char, "b"])
        + REORDERED * (char == LAST_MARK or moves_before_last_mark(char))
        + MARK * (STRIP_ACCENTS.normalize_str(char) == "")
        + NUMERIC * (len(DIGITS.pre_tokenize_str("a" + char + "b")) == 3)
    )


def ranges():
    """Runs of code points of one class other than 0, in order."""
    runs = []
    for code_point in range(0x110000):
        kind = flags(code_point)
        if runs and runs[-1][1] == code_point - 1 and runs[-1][2] == kind:
            runs[-1][1] = code_point
        elif kind:
            runs.append([code_point, code_point, kind])
    return runs


def main():
    lines, line = [], ""
    for first, last, kind in ranges():
        item = f"{{0x{first:X}, 0x{last:X}, {kind}}},"
        if line and len(line) + 1 + len(item) > 100:
            lines.append(line)
            line = ""
        line += (" " if line else "") + item
    lines.append(line)
    with open(sys.argv[1], "w") as out:
        out.write("// Made by tests/reference/make_code_point_classes.py: {first, last, CodePointClass bits}.\n")
        out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
