#!/usr/bin/env python3
"""Writes runtime/text/young_categories.inc: the code points that have a general category in the
regular expressions of Hugging Face's tokenizers and none in Unicode 14, which PCRE2 10.42 knows.

    make_young_categories.py OUTPUT

The Python that runs it must have the tables of Unicode 14 (3.11 has).
"""

import sys
import unicodedata

from tokenizers import Regex, pre_tokenizers

CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp".split()


def members(category, candidates):
    """Which of `candidates` have the category."""
    split = pre_tokenizers.Split(Regex(r"\p{%s}" % category), "isolated")
    return [c for c in candidates if len(split.pre_tokenize_str("\x01" + chr(c) + "\x01")) == 3]


def ranges(code_points):
    """Runs of code points, in order."""
    runs = []
    for code_point in code_points:
        if runs and runs[-1][1] == code_point - 1:
            runs[-1][1] = code_point
        else:
            runs.append([code_point, code_point])
    return runs


def main():
    assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version
    unknown = [c for c in range(0x110000) if unicodedata.category(chr(c)) == "Cn"]
    with open(sys.argv[1], "w") as out:
        out.write("// Made by tests/reference/make_young_categories.py: {category, ranges of a character class}.\n")
        for category in CATEGORIES:
            runs = ranges(members(category, unknown))
            if not runs:
                continue
            lines, line = [], ""
            for first, last in runs:
                item = f"\\x{{{first:x}}}" + (f"-\\x{{{last:x}}}" if last > first else "")
                if len(line) + len(item) > 80:
                    lines.append(line)
                    line = ""
                line += item
            lines.append(line)
            text = "\n ".join(f'R"({line})"' for line in lines)
            out.write(f'{{"{category}",\n {text}}},\n')


if __name__ == "__main__":
    main()
