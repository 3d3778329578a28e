#!/usr/bin/env python3
"""Writes tests/data/subword/: small models that it trains, and what Hugging Face's tokenizers and
SentencePiece make of many texts with them.

    python make_subword_golden.py [--output DIR]

The training text is composed of the sentences below, in a few scripts. For each tokenizer `lines.jsonl` has
the ids, offsets (bytes) and decoded text of LINES texts, and `random.json` one FNV-1a hash for each BLOCK of
RANDOM texts that random_text() makes. tests/runtime/text_subword_golden_test.cpp makes the same texts.
"""

import argparse
import json
import pathlib
import random
import unicodedata

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers)

HERE = pathlib.Path(__file__).resolve().parent
LINES, RANDOM, BLOCK = 500, 5000, 50

SUBJECTS = {
    "en": ["The old clock", "A small library", "My neighbour's dog", "The river", "Our program", "Nobody we'd met", "The first train"],
    "de": ["Die alte Uhr", "Eine kleine Bücherei", "Der Hund des Nachbarn", "Der Fluss", "Unser Programm", "Die Straße", "Der Zug"],
    "ko": ["오래된 시계가", "작은 도서관이", "이웃집 강아지가", "강물이", "우리 프로그램이", "첫 번째 기차가"],
    "ar": ["الساعة القديمة", "مكتبة صغيرة", "كلب جاري", "النهر", "برنامجنا", "القطار الأول"],
}
VERBS = {
    "en": ["runs slowly through", "doesn't like", "has counted 1,234 words in", "waits for", "was painted green near", "sings about"],
    "de": ["läuft langsam durch", "mag", "zählt 1.234 Wörter in", "wartet auf", "steht grün gestrichen neben", "singt über"],
    "ko": ["천천히 지나간다", "좋아하지 않는다", "단어 1234개를 세었다", "기다린다", "노래한다"],
    "ar": ["يمشي ببطء عبر", "لا يحب", "عدّ ١٢٣٤ كلمة في", "ينتظر", "يغني عن"],
}
OBJECTS = {
    "en": ["the quiet town.", "rain in November!", "tokens, words and letters.", "a cup of tea?", "the bridge (built in 1907)."],
    "de": ["die stille Stadt.", "Regen im November!", "Wörter und Buchstaben.", "eine Tasse Tee?", "die Brücke (erbaut 1907)."],
    "ko": ["조용한 마을을", "십일월의 비를", "낱말과 글자를", "차 한 잔을", "다리를"],
    "ar": ["المدينة الهادئة.", "المطر في نوفمبر!", "الكلمات والحروف.", "كوب من الشاي؟", "الجسر."],
}
STEMS = {
    "en": ("walk paint garden window count winter bridge letter green quiet stone water listen travel morning paper number orange forest silver market "
           "thunder blanket copper planet kitchen shadow velvet harbour meadow lantern pocket signal thread wander"),
    "de": ("garten fenster winter brücke stein wasser morgen papier wald silber markt donner decke kupfer küche schatten hafen wiese laterne tasche "
           "zeichen faden straße bücher größe mädchen übung öl"),
    "ko": "정원 창문 겨울 다리 편지 초록 바위 물 아침 종이 숫자 숲 시장 천둥 구리 부엌 그림자 항구 들판 등불 주머니 신호 실 여행 한국어 번역 문장",
    "ar": "حديقة نافذة شتاء جسر رسالة أخضر حجر ماء صباح ورق رقم غابة سوق رعد نحاس مطبخ ظل ميناء مرج فانوس جيب إشارة خيط سفر",
}
ENDINGS = {
    "en": ["", "s", "ed", "ing", "er", "ly", "less", "ful", "ness", "'s"], "de": ["", "en", "er", "s", "chen", "ung", "lich", "keit"],
    "ko": ["", "은", "는", "이", "가", "을", "를", "에서", "으로", "까지", "입니다", "했다"], "ar": ["", "ة", "ات", "ون", "ها", "نا", "ين"],
}
BEGINNINGS = {"en": ["", "", "un", "re", "over", "under"], "de": ["", "", "ver", "ge", "be", "über"], "ko": ["", "", "새", "첫"], "ar": ["", "ال", "وال", "ب", "لل"]}
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "❤️", "☕", "🎉🎉"]


def training_text():
    """Some 2,000 sentences."""
    rng = random.Random(7)
    lines = []
    for _ in range(2000):
        language = rng.choice(list(SUBJECTS))
        parts = [rng.choice(SUBJECTS[language]), rng.choice(VERBS[language]), rng.choice(OBJECTS[language])]
        if language == "ko":
            parts[1:] = [parts[2], parts[1] + "."]
        stems = STEMS[language].split()
        for _ in range(rng.randrange(6)):
            word = rng.choice(BEGINNINGS[language]) + rng.choice(stems) + (rng.choice(stems) if rng.random() < 0.3 else "") + rng.choice(ENDINGS[language])
            parts.insert(rng.randrange(len(parts) + 1), word.capitalize() if rng.random() < 0.2 else word)
        if rng.random() < 0.2:
            parts.append(rng.choice(EMOJI))
        lines.append(" ".join(parts))
    return lines


# --- Random texts. The test has the same generator: a linear congruential one, and this table.
RANGES = [
    (0x20, 0x7E), (0x61, 0x7A), (0x61, 0x7A), (0x00, 0x1F), (0x7F, 0xFF), (0x100, 0x24F), (0x300, 0x36F), (0x370, 0x3FF),
    (0x400, 0x45F), (0x590, 0x5F4), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE5B), (0x1100, 0x11FF), (0x1E00, 0x1EFF),
    (0x2000, 0x206F), (0x2080, 0x20BF), (0x2100, 0x218F), (0x2460, 0x24FF), (0x2581, 0x2581), (0x2600, 0x27BF), (0x3000, 0x30FF),
    (0x3200, 0x33FF), (0x4E00, 0x4F00), (0xAC00, 0xAD00), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFEFF), (0xFF00, 0xFFEF),
    (0xFFF9, 0xFFFF), (0x1D400, 0x1D4FF), (0x1F1E6, 0x1F1FF), (0x1F300, 0x1F64F), (0x20000, 0x20100), (0xE0001, 0xE007F),
    (0x10FF00, 0x10FFFF), (0x20, 0x20), (0x200D, 0x200D), (0x41, 0x5A), (0x30, 0x39),
]
SPACES = [0x9, 0xA, 0xD, 0x20, 0x20, 0x20, 0x85, 0xA0, 0x1680, 0x180E, 0x2003, 0x200B, 0x2028, 0x202F, 0x205F, 0x3000, 0xFEFF]


class Generator:
    def __init__(self, seed):
        self.state = seed

    def next(self, count):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % count


def random_text(generator, words):
    """Words of the training text, code points of RANGES in runs, and spaces."""
    text = ""
    for _ in range(1 + generator.next(10)):
        kind = generator.next(6)
        if kind < 2:
            text += words[generator.next(len(words))]
        elif kind < 4:
            first, last = RANGES[generator.next(len(RANGES))]
            for _ in range(1 + generator.next(4)):
                text += chr(first + generator.next(last - first + 1))
        else:
            for _ in range(1 + generator.next(2)):
                text += chr(SPACES[generator.next(len(SPACES))])
    return text


def vocabulary_of_texts(lines):
    """The distinct words of the training text in order: the `words` of random_text()."""
    return sorted({word for line in lines for word in line.split(" ")}, key=lambda word: word.encode())


SPECIALS = [
    "", " ", "  ", "\t", "\n\n", " \u3000 ", "▁", "▁▁a ▁b", "a  b   c", " leading", "trailing ", "\x00", "\ufffd", "don't we'll I'VE it'ſ",
    "x=1234567890;y=3.14", "ﬁﬂ ﬃ ½ ㎏ ① Å Å", "e\u0301 e\u0301\u0323 \u0344 \u0301x", "각 각", "👨‍👩‍👧‍👦👍🏽🇩🇪🇰🇷1️⃣", "a\u200db\u200cc", "\u1680\u2028\u2029\u0085|",
    "</s> <s> <unk> <pad> x<mask>y  <mask>  z", "\r\n\r\n  \n x", "MiXeD CaSe ÀÉ İI", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "!!!??..--",
    "ａｂｃ ＡＢＣ １２３", "ｶﾞｷﾞ がぎ", "\u0e33 \u0eb3 กำ", "\U0001d400\U0001d7d8", "ß ẞ ſ", "\ufeffBOM", "\u00ad soft", "tab\tnew\nline", "日本語 中文 test", "ÆØÅ łódź", "a\u0300\u0301\u0302\u0303\u0304b",
    "ﷺ ﷲ", "\u0958\u0929", "\u2126 \u212b", "\u1e9b\u0323", "\uac00\u11a8", "\u0cc6\u0cc2\u0cd5", "\U0001f3f4\U000e0067\U000e0062\U000e007f", "🏳️‍🌈", "word " * 40,
]


def lines(training):
    rng = random.Random(11)
    texts = list(SPECIALS) + [unicodedata.normalize("NFD", t) for t in SPECIALS if not unicodedata.is_normalized("NFD", t)]
    words = vocabulary_of_texts(training)
    generator = Generator(99)
    while len(texts) < LINES:
        texts.append(rng.choice(training) if rng.random() < 0.5 else random_text(generator, words))
    return texts[:LINES]


# --- Tokenizers.

def train_sentencepiece(folder, name, training, **options):
    sentencepiece.SentencePieceTrainer.train(input=str(folder / "training.txt"), model_prefix=str(folder / name), num_threads=1, shuffle_input_sentence=False,
                                             minloglevel=2, **options)
    (folder / (name + ".vocab")).unlink()
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / (name + ".model")))


def charsmap(folder, name):
    from sentencepiece import sentencepiece_model_pb2 as pb
    model = pb.ModelProto()
    model.ParseFromString((folder / (name + ".model")).read_bytes())
    return model


def byte_level(training):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=1000, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(training, trainer)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


def variant(tokenizer, **parts):
    """The same tokenizer with other parts."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    for name, part in parts.items():
        setattr(copy, name, part)
    return copy


LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def split_byte_level(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def fast_unigram(folder):
    """The unigram model as Hugging Face converts those of XLM-R and T5."""
    model = charsmap(folder, "unigram")
    tokenizer = Tokenizer(models.Unigram([(p.piece, p.score) for p in model.pieces], unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.add_tokens([AddedToken("<mask>", lstrip=True, normalized=True)])
    return tokenizer


def fast_bpe(folder):
    """The BPE model with bytes as Hugging Face converts that of LLaMA."""
    model = charsmap(folder, "bpe")
    vocabulary = {p.piece: i for i, p in enumerate(model.pieces)}
    merges = []
    for piece in model.pieces:
        splits = [(piece.piece[:i], piece.piece[i:]) for i in range(1, len(piece.piece))]
        known = [s for s in splits if s[0] in vocabulary and s[1] in vocabulary]
        merges += [(vocabulary[piece.piece], s) for s in sorted(known, key=lambda s: (vocabulary[s[0]], vocabulary[s[1]]))]
    merges = [pair for _, pair in sorted(merges, key=lambda m: m[0])]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    return tokenizer


def word_models(training):
    """WordPiece as the documentation of tokenizers trains it, and WordLevel, whose vocabulary is every third word and mark."""
    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()])
    wordpiece.pre_tokenizer = pre_tokenizers.Whitespace()
    wordpiece.train_from_iterator(training, trainers.WordPieceTrainer(vocab_size=900, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False))
    wordpiece.decoder = decoders.WordPiece()
    wordpiece.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    words = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    known = sorted({piece.lower() for line in training for piece, _ in words.pre_tokenize_str(line)})[::3]
    wordlevel = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["<unk>", "<s>"] + known)}, unk_token="<unk>"))
    wordlevel.normalizer = normalizers.Lowercase()
    wordlevel.pre_tokenizer = words
    wordlevel.add_special_tokens([AddedToken("<s>", rstrip=True, normalized=False)])
    return wordpiece, wordlevel


def word_variants(wordpiece, wordlevel):
    n, p, d = normalizers, pre_tokenizers, decoders
    roberta = processors.RobertaProcessing(("[SEP]", 2), ("[CLS]", 1), trim_offsets=True, add_prefix_space=True)
    return {
        "wordpiece": wordpiece,
        "wordpiece_bert": variant(wordpiece, normalizer=n.BertNormalizer(), pre_tokenizer=p.BertPreTokenizer()),
        "wordpiece_bert_in_parts": variant(wordpiece, normalizer=n.Sequence([n.BertNormalizer()]), pre_tokenizer=p.Sequence([p.BertPreTokenizer()]), decoder=d.CTC()),
        "wordpiece_metaspace": variant(wordpiece, pre_tokenizer=p.Sequence([p.Metaspace(), p.Split("▁", "removed")]), post_processor=roberta, decoder=d.Metaspace()),
        "wordpiece_whole": variant(wordpiece, normalizer=n.NFKC(), pre_tokenizer=None, decoder=d.Sequence([d.WordPiece(cleanup=False), d.Replace("en", "EN"), d.Strip("t", 0, 1)])),
        "wordpiece_scripts": variant(wordpiece, pre_tokenizer=p.Sequence([p.UnicodeScripts(), p.WhitespaceSplit(), p.Digits(individual_digits=True)]), decoder=d.Fuse()),
        "wordpiece_fixed": variant(wordpiece, normalizer=n.Lowercase(), pre_tokenizer=p.FixedLength(length=3), decoder=d.BPEDecoder(suffix="s")),
        "wordlevel": wordlevel,
        "wordlevel_scripts": variant(wordlevel, pre_tokenizer=p.Sequence([p.UnicodeScripts(), p.Split(" ", "merged_with_next")]), normalizer=n.Sequence([n.NFC(), n.Replace("th", "t")])),
        "wordlevel_bytes": variant(wordlevel, pre_tokenizer=p.ByteLevel(add_prefix_space=False), decoder=d.ByteLevel(), post_processor=processors.ByteLevel(trim_offsets=True)),
    }


def variants(byte_bpe, unigram, bpe):
    """Parts in many combinations, over the three models: name -> tokenizer."""
    space = pre_tokenizers.ByteLevel(add_prefix_space=True)
    n = normalizers
    p = pre_tokenizers
    return {
        "roberta": byte_bpe,
        "prefix_space": variant(byte_bpe, pre_tokenizer=space, post_processor=processors.ByteLevel(trim_offsets=True, add_prefix_space=True)),
        "no_trim": variant(byte_bpe, post_processor=processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=False, add_prefix_space=False)),
        "llama3": variant(byte_bpe, pre_tokenizer=split_byte_level(LLAMA3)),
        "gpt4o": variant(byte_bpe, pre_tokenizer=split_byte_level(GPT4O)),
        "digits": variant(byte_bpe, pre_tokenizer=p.Sequence([p.Digits(individual_digits=True), p.Punctuation("contiguous"), p.ByteLevel(add_prefix_space=False)])),
        "whitespace": variant(byte_bpe, pre_tokenizer=p.Sequence([p.Whitespace(), p.ByteLevel(add_prefix_space=False, use_regex=False)])),
        "inverted": variant(byte_bpe, pre_tokenizer=p.Sequence([p.Split(Regex(r"\w+|\S"), "removed", invert=True), p.Punctuation("merged_with_previous"), p.ByteLevel(add_prefix_space=True)])),
        "nfc": variant(byte_bpe, normalizer=n.NFC()),
        "nfd_lower": variant(byte_bpe, normalizer=n.Sequence([n.NFD(), n.StripAccents(), n.Lowercase(), n.Strip()])),
        "bert_normalizer": variant(byte_bpe, normalizer=n.BertNormalizer()),
        "unigram": unigram,
        "nmt_nfkc": variant(unigram, normalizer=n.Sequence([n.Nmt(), n.NFKC(), n.Replace(Regex(r"\s+"), " ")]), pre_tokenizer=p.Metaspace(prepend_scheme="first")),
        "nfkd": variant(unigram, normalizer=n.NFKD(), pre_tokenizer=p.Sequence([p.WhitespaceSplit(), p.Metaspace(prepend_scheme="always", split=False)])),
        "llama": bpe,
        "metaspace_never": variant(bpe, normalizer=None, pre_tokenizer=p.Metaspace(prepend_scheme="never", split=False)),
    }


def byte_offsets(text, offsets):
    starts = [0]
    for char in text:
        starts.append(starts[-1] + len(char.encode()))
    return [value for begin, end in offsets for value in (starts[begin], starts[end])]


def result_of_fast(tokenizer, text):
    encoding = tokenizer.encode(text)
    return encoding.ids, byte_offsets(text, encoding.offsets), tokenizer.decode(encoding.ids, skip_special_tokens=True)


def result_of_sentencepiece(processor, text):
    ids = processor.encode(text)
    return ids, [], processor.decode(ids)


def fnv(numbers, data, seed):
    value = seed
    for byte in b"".join(n.to_bytes(4, "little") for n in numbers) + data + b"\xff":
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "subword")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    training = training_text()
    (folder / "training.txt").write_text("\n".join(training))
    sp = {
        "spm_unigram": train_sentencepiece(folder, "unigram", training, vocab_size=900, model_type="unigram", character_coverage=0.995),
        "spm_bpe": train_sentencepiece(folder, "bpe", training, vocab_size=1100, model_type="bpe", byte_fallback=True, character_coverage=0.99,
                                       normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True),
        "spm_symbols": train_sentencepiece(folder, "symbols", training, vocab_size=700, model_type="bpe", user_defined_symbols=["<sep>", "town", "기차"],
                                           control_symbols=["<ctl>"], treat_whitespace_as_suffix=True, normalization_rule_name="identity"),
        "spm_unigram_bytes": train_sentencepiece(folder, "unigram_bytes", training, vocab_size=1000, model_type="unigram", byte_fallback=True,
                                                 character_coverage=0.98, user_defined_symbols=["<sep>", "lett"], add_dummy_prefix=False, normalization_rule_name="identity"),
    }
    (folder / "training.txt").unlink()
    byte_bpe, unigram, bpe = byte_level(training), fast_unigram(folder), fast_bpe(folder)
    wordpiece, wordlevel = word_models(training)
    fast = variants(byte_bpe, unigram, bpe) | word_variants(wordpiece, wordlevel)
    base = ("roberta", "unigram", "llama", "wordpiece", "wordlevel")
    tokenizers = {}
    for name, tokenizer in fast.items():
        parts = json.loads(tokenizer.to_str())
        model = parts.pop("model")
        kind = model["type"].lower() if not model.get("merges") or model["byte_fallback"] else "byte_bpe"
        if name in base:
            (folder / f"{kind}.model.json").write_text(json.dumps(model, ensure_ascii=False, separators=(",", ":")))
        tokenizers[name] = {"model": kind, "parts": parts}
    functions = {name: (lambda text, t=t: result_of_fast(t, text)) for name, t in fast.items()}
    functions |= {name: (lambda text, p=p: result_of_sentencepiece(p, text)) for name, p in sp.items()}
    texts = lines(training)
    words = vocabulary_of_texts(training)
    generator = Generator(2024)
    random_texts = [random_text(generator, words) for _ in range(RANDOM)]
    golden = {"tokenizers": tokenizers, "words": words, "texts": texts, "full": {}, "hashes": {}, "random": {}}
    # In full for the four kinds of model; a hash a text for the others.
    for name, function in functions.items():
        results = [function(text) for text in texts]
        if name in ("roberta", "unigram", "llama", "spm_unigram"):
            golden["full"][name] = [[ids, offsets, decoded] for ids, offsets, decoded in results[:150]]
        golden["hashes"][name] = [f"{fnv(i + o, d.encode(), 0xCBF29CE484222325) >> 32:x}" for i, o, d in results]
        blocks = []
        for start in range(0, RANDOM, BLOCK):
            value = 0xCBF29CE484222325
            for text in random_texts[start:start + BLOCK]:
                i, o, d = function(text)
                value = fnv(i + o, d.encode(), value)
            blocks.append(f"{value:x}")
        golden["random"][name] = blocks
    (folder / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
