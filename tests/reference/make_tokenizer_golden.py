#!/usr/bin/env python3
"""Writes tests/data/tokenizer/minilm_lines.jsonl: the results of Hugging Face's tokenizers for 500 lines.

    python make_tokenizer_golden.py --model DIR [--output FILE]

DIR is the folder that tools/get-model minilm prints. Each line of the output is an object with `text`,
`ids` and `offsets`: with special tokens, not truncated, not padded; offsets in bytes of the text in UTF-8.
"""

import argparse
import json
import pathlib
import random
import unicodedata

from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
LINES = 500

SENTENCES = [
    "", " ", "\t", " \t\r\n\x0b\x0c ", "\u3000\u2003\xa0", "\x00", "\ufffd", "\u200b\u200d\ufeff",
    "The quick brown fox jumps over the lazy dog.", "Hello, world! How's it going? I don't know...",
    "It cost $3.50 (or 2,75 EUR) on 2021-03-04T05:06:07Z; that's 50% off.", "E=mc^2 & a<b>c|d~e`f",
    "Franz jagt im komplett verwahrlosten Taxi quer durch Bayern. Straße, GROẞ, Öl, Übermut",
    "Dès Noël où un zéphyr haï me vêt de glaçons würmiens", "El pingüino Wenceslao hizo kilómetros",
    "Pchnąć w tę łódź jeża lub ośm skrzyń fig", "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "Γαζέες καὶ μυρτιὲς δὲν θὰ βρῶ πιὰ ΟΔΥΣΣΕΥΣ Σ ς", "Съешь ещё этих мягких французских булок, да выпей чаю",
    "İstanbul'da IĞDIR ılık ISI; DİYARBAKIR", "Þú ert að æfa þig á íslensku", "Đường phố Việt Nam rất đẹp",
    "דג סקרן שט בים מאוכזב ולפתע מצא חברה", "בְּרֵאשִׁית בָּרָא אֱלֹהִים", "صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت", "۱۲۳ ٤٥٦",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा", "আমি বাংলায় গান গাই", "யாமறிந்த மொழிகளிலே", "తెలుగు ಕನ್ನಡ മലയാളം",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า น้ำ ำ", "ພາສາລາວ ភាសាខ្មែរ မြန်မာ", "བོད་སྐད་ ཀྵ", "ქართული ენა ᲥᲐᲠᲗᲣᲚᲘ",
    "Հայերեն ԵՒ և", "አማርኛ ፊደል፡ዓረፍተ።", "いろはにほへと ちりぬるを がぎぐ ﾊﾝｶｸ ガギグ", "視野無限廣，窗外有藍天。中文abc混合123", "豈更車賈 𠀀𪛖𫜴 〇々",
    "한국어 텍스트 각 간 뷁 가나다 ᄒ", "ᏣᎳᎩ Ꭰ ꭰ", "ⓐⒷ ①② Ⅷⅷ ½ ²³ ™ ㎏ ﬁﬂ ﬅ Ǆǅǆ Åₓ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝐇𝐞𝐥𝐥𝐨 𝟘𝟙",
    "😀😃 family 👨‍👩‍👧‍👦 thumbs👍🏽up flag🇩🇪 keycap1️⃣ heart❤️", "a\u0301\u0323 e\u0323\u0301 x\u0345\u0301\u0327 \u0301abc \u0344\u0f73",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞", "zero\u200bwidth\u200djoin\u2060er\u00adsoft",
    "left\u202eright\u202c", "line\u2028sep\u2029para\x85next\x1cfs", "bell\x07back\x08esc\x1b[31mred\x7f", "\ue000private\uf8ff \U000f0000",
    "[CLS] inside [SEP] and [MASK] the [PAD] text [UNK]", "[MASK][MASK] x[MASK]y [mask] [ MASK ] [MAS K] [[MASK]] [SEP", "[unused1] ##ing ## #",
    "int main(int argc, char** argv) { return argv[0][0] == '\\0' ? 1 : 0; }", "def f(x: float) -> float:\n\treturn x ** 2  # square",
    "SELECT * FROM t WHERE a <> 'b' AND c >= 1;", "<a href=\"https://example.com/?q=1&r=%20#x\">link</a>", "{\"k\": [1, 2.5e-3, null, true]}",
    "C:\\Users\\me\\file.txt ~/x/y_z-0.tar.gz user.name+tag@example.co.uk", "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "a" * 100, "a" * 101, "é" * 100, "é" * 101, "中" * 120, "!" * 50, "word " * 600, "\u0301" * 40, "ß" * 99 + "\u0301\u0301",
    "Ünïcödé ÀÉÎÕÜ ñ ç ø å æ œ ł đ ħ ŧ ŋ", "naïve café résumé coöperate", "cafe\u0301 re\u0301sume\u0301", "“quotes” ‘single’ «guillemets» — – … · • † ‡ § ¶ © ®",
    "¿Qué? ¡No! ‽ ⸘ ⁉", "₹ € £ ¥ ₿ ¢", "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋, α ∧ ¬β", "\u0130\u0131 \u1e9e \u212a \u212b \u2126", "\u0378\u0380 \U0003ffff \U0010fffd \U000e0001",
]


def random_char(rng):
    """A code point that is not a surrogate, mostly from scripts in use."""
    top = rng.choice([0x80, 0x250, 0x700, 0x3000, 0x3000, 0x10000, 0x20000, 0x110000])
    code_point = rng.randrange(top)
    return chr(code_point) if not 0xD800 <= code_point < 0xE000 else "x"


def random_line(rng):
    """Words, random code points, marks and specials in a row."""
    words = [word for sentence in SENTENCES for word in sentence.split()[:8] if len(word) < 20]
    marks = [chr(c) for c in range(0x300, 0x370) if unicodedata.combining(chr(c))]
    makers = [
        lambda: rng.choice(words),
        lambda: " ",
        lambda: random_char(rng),
        lambda: "".join(random_char(rng) for _ in range(rng.randrange(1, 6))),
        lambda: rng.choice("aeiouAEIOU") + "".join(rng.choices(marks, k=rng.randrange(1, 4))),
        lambda: rng.choice(["[MASK]", "[SEP]", "\t", "\x00", ".", "-", "'s", "\u200d", "\u3000"]),
    ]
    return "".join(rng.choice(makers)() for _ in range(rng.randrange(1, 25)))


def lines():
    """The 500 texts, always the same."""
    rng = random.Random(20240229)
    texts = list(SENTENCES)
    texts += [sentence.upper() for sentence in SENTENCES if 0 < len(sentence) < 100]
    texts += [unicodedata.normalize("NFD", s) for s in SENTENCES if not unicodedata.is_normalized("NFD", s)]
    while len(texts) < LINES - 1:
        texts.append(random_line(rng))
    texts.append(" ".join(rng.choices("time people way day thing life hand eyes run unaffable".split(), k=600)))
    return texts[:LINES]


def byte_offsets(text, offsets):
    """Offsets in code points as offsets in bytes."""
    starts = [0]
    for char in text:
        starts.append(starts[-1] + len(char.encode()))
    return [[starts[begin], starts[end]] for begin, end in offsets]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    default = HERE.parent / "data" / "tokenizer" / "minilm_lines.jsonl"
    parser.add_argument("--output", type=pathlib.Path, default=default)
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with open(arguments.output, "w") as out:
        for text in lines():
            encoding = tokenizer.encode(text)
            offsets = byte_offsets(text, encoding.offsets)
            row = {"text": text, "ids": encoding.ids, "offsets": offsets}
            out.write(json.dumps(row, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
