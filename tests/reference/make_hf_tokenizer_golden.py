#!/usr/bin/env python3
"""Writes tests/data/hf_tokenizers/: a small SentencePiece model in Pegasus' form, and the results of Transformers' classes for Pegasus and
ByT5.

    python make_hf_tokenizer_golden.py [--output DIR]

Transformers 4.57 and 5.24 write the same `golden.json`: texts have no white space at their ends or beside special tokens, where the
two disagree for Pegasus. With --check-only nothing is trained and golden.json is compared.
"""

import argparse
import json
import pathlib
import tempfile

import sentencepiece
import transformers
from make_subword_golden import Generator, lines, random_text, training_text, vocabulary_of_texts

HERE = pathlib.Path(__file__).resolve().parent
SPECIALS = ["<mask_1>", "<mask_2>", "<unk_2>", "<unk_102>", "<pad>", "x</s>y", "<extra_id_0>", "<extra_id_124>", "<unk>"]


def train(folder):
    with tempfile.TemporaryDirectory() as work:
        text = pathlib.Path(work) / "training.txt"
        text.write_text("\n".join(training_text()))
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=str(pathlib.Path(work) / "spiece"), vocab_size=600, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2, num_threads=1,
            character_coverage=0.99, normalization_rule_name="identity", shuffle_input_sentence=False)  # fmt: skip
        (folder / "pegasus.model").write_bytes((pathlib.Path(work) / "spiece.model").read_bytes())


def texts():
    training = training_text()
    generator = Generator(5)
    words = vocabulary_of_texts(training)
    found = [*lines(training)[:60], *(random_text(generator, words) for _ in range(60))]
    found = [" ".join(text.split()) for text in found if "▁" not in text and "<pad>" not in text]
    return found + [a + special + b for special in SPECIALS for a, b in (("", ""), ("town", "town"), ("日", "é"))]


def rows(tokenizer, strip=False):
    """[text, ids, decoded]"""
    found = []
    for text in texts():
        ids = tokenizer(text)["input_ids"]
        decoded = tokenizer.decode(ids, skip_special_tokens=True)
        found.append([text, ids, decoded.strip() if strip else decoded])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "hf_tokenizers")
    parser.add_argument("--check-only", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    if not arguments.check_only:
        train(folder)
    with tempfile.TemporaryDirectory() as work:
        (pathlib.Path(work) / "spiece.model").write_bytes((folder / "pegasus.model").read_bytes())
        pegasus = rows(transformers.AutoTokenizer.from_pretrained(work, tokenizer_type="pegasus"), strip=True)
    byt5 = transformers.ByT5Tokenizer()
    malformed = [[3 + 0xC3, 3 + 0x41], [3 + 0xE2, 3 + 0x82, 100, 3 + 0xFF, 259, 3 + 0xF0, 3 + 0x9F, 3 + 0x98, 3 + 0x80, 2, 1]]
    golden = {"pegasus": pegasus, "byt5": rows(byt5), "byt5_malformed": [[ids, byt5.decode(ids, skip_special_tokens=True)] for ids in malformed],
              "byt5_more": rows(transformers.ByT5Tokenizer(extra_ids=3))}
    text = json.dumps(golden, ensure_ascii=False, separators=(",", ":"))
    if arguments.check_only:
        known = json.loads((folder / "golden.json").read_text())
        for name in known:
            different = [(a, b) for a, b in zip(known[name], golden[name]) if a != b]
            print(name, len(known[name]), "compared,", len(different), "different", different[:3])
        return
    (folder / "golden.json").write_text(text)


if __name__ == "__main__":
    main()
