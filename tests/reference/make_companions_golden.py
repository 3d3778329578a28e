#!/usr/bin/env python3
"""Writes tests/data/tokenizer/companions.json: small tokenizer folders with companion files, and Transformers' ids.

    python make_companions_golden.py [--check]

Each case has the files of a folder, except weights, and texts with their ids by AutoTokenizer. `--check` compares with the existing file,
for a run with another version of Transformers; 4.57 and 5.24 agree on all cases.
"""

import argparse
import json
import pathlib
import sys
import tempfile

import transformers

OUT = pathlib.Path(__file__).parent.parent / "data" / "tokenizer" / "companions.json"

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "lamp", "boat", "Lamp", "Boat", "caf", "##e", "##é", "<", ">", "a", "num",
         "中", "文", "##文", "##s", ",", ".", "[", "]", "mask", "MASK"]
VOCABULARY = "".join(f"{word}\n" for word in WORDS)
TEXTS = ["Lamp Boat", "café", "a <a> boat", "Lamp<num>boats", "中文", "<num>  , <A>", "[MASK] lamp", " <a>", "lampboat <a>s", "[mask]"]


def token(content, special=False, normalized=None, lstrip=False, rstrip=False, single_word=False):
    return {"content": content, "lstrip": lstrip, "normalized": not special if normalized is None else normalized, "rstrip": rstrip,
            "single_word": single_word, "special": special}  # fmt: skip


SPECIALS = [{"id": i} | token(WORDS[i], special=True) for i in range(5)]
DECODER = {str(i): token(WORDS[i], special=True) for i in range(5)}


def wordpiece(lowercase, added=SPECIALS, **normalizer):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                           "lowercase": lowercase} | normalizer,
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "TemplateProcessing",
                               "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                          {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
                               "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                        {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
                                        {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
                               "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                                                  "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                      "vocab": {word: i for i, word in enumerate(WORDS)}}}  # fmt: skip


BYTES = {letter: i for i, letter in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abmpoltLBn<>u,.[]", "Ġ", "lamp", "Ġlamp", "la", "mp", "Ġla"])}
MERGES = "#version: 0.2\nl a\nm p\nla mp\nĠ la\nĠla mp\n"
HERBERT = {letter: i for i, letter in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abmpoltLBn<>u,.", "a</w>", "p</w>", "t</w>", ",</w>", "la",
                                                 "mp</w>", "lamp</w>", ">", "n</w>"])}
BYTE_TEXTS = ["lamp lamp", " lamp", "a lamp<num>lamp", "lamp<mask> lamp", "<a> lamp", "<a>lamp , la"]


def bert(**files):
    return {"config.json": {"model_type": "bert"}} | {name.replace("__", "."): content for name, content in files.items()}


def bart(model="bart", **files):
    return {"config.json": {"model_type": model}, "vocab.json": BYTES, "merges.txt": MERGES} | {
        name.replace("__", "."): content for name, content in files.items()}


NEXT = str(len(WORDS))
ADDED = {NEXT: token("<a>"), str(len(WORDS) + 1): token("<num>", special=True)}
CASES = {
    "json_lowers_settings_do_not": bert(tokenizer__json=wordpiece(True), tokenizer_config__json={"do_lower_case": False}),
    "json_does_not_lower_settings_do": bert(tokenizer__json=wordpiece(False), tokenizer_config__json={"do_lower_case": True}),
    "json_alone_has_the_class_defaults": bert(tokenizer__json=wordpiece(False)),
    "json_of_no_class": bert(tokenizer__json=wordpiece(False), tokenizer_config__json={"tokenizer_class": "PreTrainedTokenizerFast"}),
    "json_keeps_accents": bert(tokenizer__json=wordpiece(True), tokenizer_config__json={"strip_accents": False}),
    "json_strips_accents_cased": bert(tokenizer__json=wordpiece(True), tokenizer_config__json={"do_lower_case": False, "strip_accents": True}),
    "json_ideographs": bert(tokenizer__json=wordpiece(True), tokenizer_config__json={"tokenize_chinese_chars": False}),
    "json_and_decoder": bert(tokenizer__json=wordpiece(True), tokenizer_config__json={"added_tokens_decoder": DECODER | ADDED}),
    "json_and_added_tokens": bert(tokenizer__json=wordpiece(True), added_tokens__json={"<a>": len(WORDS), "<num>": len(WORDS) + 1}),
    "json_with_its_own_tokens": bert(tokenizer__json=wordpiece(True, SPECIALS + [{"id": len(WORDS)} | token("<a>", normalized=False)])),
    "json_and_specials": bert(tokenizer__json=wordpiece(True), tokenizer_config__json={"additional_special_tokens": ["<a>", "<num>"],
                                                                                      "added_tokens_decoder": DECODER}),
    "json_and_specials_of_map": bert(tokenizer__json=wordpiece(True), special_tokens_map__json={"additional_special_tokens": ["<num>"]}),
    "json_mask_of_map": bert(tokenizer__json=wordpiece(True), tokenizer_config__json={"mask_token": "<a>"}),
    "lines": bert(vocab__txt=VOCABULARY),
    "lines_cased": bert(vocab__txt=VOCABULARY, tokenizer_config__json={"do_lower_case": False}),
    "lines_class_of_config": {"config.json": {"model_type": "bert", "tokenizer_class": "ElectraTokenizer"}, "vocab.txt": VOCABULARY},
    "lines_called_s": bert(vocab__txt=VOCABULARY, tokenizer_config__json={"cls_token": "<s>", "sep_token": "</s>"}),
    "lines_called_s_by_map": bert(vocab__txt=VOCABULARY, special_tokens_map__json={"cls_token": "<s>", "sep_token": {
        "content": "</s>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}}),
    "lines_and_added_tokens": bert(vocab__txt=VOCABULARY, added_tokens__json={"<num>": len(WORDS), "<a>": len(WORDS) + 1},
                                   special_tokens_map__json={"additional_special_tokens": ["<num>"]}),
    "lines_and_decoder": bert(vocab__txt=VOCABULARY, tokenizer_config__json={"added_tokens_decoder": DECODER | {
        NEXT: token("<a>", lstrip=True), str(len(WORDS) + 1): token("<num>", single_word=True, normalized=False)}}),
    "lines_and_words_that_are_known": bert(vocab__txt=VOCABULARY, tokenizer_config__json={"added_tokens_decoder": DECODER | {
        str(WORDS.index("boat")): token("boat", normalized=False)}}),
    "lines_do_lower_and_added": bert(vocab__txt=VOCABULARY, added_tokens__json={"<A>": len(WORDS), "Boat": WORDS.index("Boat")}),
    "bart_files": bart(),
    "bart_prefix_space": bart(tokenizer_config__json={"add_prefix_space": True}),
    "bart_decoder": bart(tokenizer_config__json={"added_tokens_decoder": {str(len(BYTES)): token("<num>"), str(len(BYTES) + 1): token("<a>", True)}}),
    "bart_added": bart(added_tokens__json={"<a>": len(BYTES)}),
    "gpt2_class_of_config": {"config.json": {"model_type": "bart", "tokenizer_class": "GPT2Tokenizer"}, "vocab.json": BYTES, "merges.txt": MERGES,
                             "tokenizer_config.json": {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}},
    "herbert_class_of_config": {"config.json": {"model_type": "bert", "tokenizer_class": "HerbertTokenizerFast"}, "vocab.json": HERBERT,
                                "merges.txt": "#version: 0.2\nl a\nm p</w>\nla mp</w>\n"},
    "herbert_added": {"config.json": {"model_type": "bert", "tokenizer_class": "HerbertTokenizer"}, "vocab.json": HERBERT,
                      "merges.txt": "#version: 0.2\nl a\nm p</w>\nla mp</w>\n", "added_tokens.json": {"<num>": len(HERBERT)}},
}


def ids_of(files, texts):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (pathlib.Path(folder) / name).write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        return [tokenizer(text)["input_ids"] for text in texts]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    transformers.logging.set_verbosity_error()
    found = []
    for name, files in CASES.items():
        texts = TEXTS if "vocab.txt" in files or "tokenizer.json" in files else BYTE_TEXTS
        files = {file: content if isinstance(content, str) else json.dumps(content, ensure_ascii=False) for file, content in files.items()}
        found.append({"name": name, "files": files, "texts": texts, "ids": ids_of(files, texts)})
    if not check:
        OUT.write_text(json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n")
        return
    wrong = [(a["name"], text, x, y) for a, b in zip(json.loads(OUT.read_text()), found)
             for text, x, y in zip(a["texts"], a["ids"], b["ids"]) if x != y]
    for name, text, written, here in wrong:
        print(f"{name}: {text!r}: written {written}, {transformers.__version__} says {here}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
