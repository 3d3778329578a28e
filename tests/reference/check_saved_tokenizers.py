#!/usr/bin/env python3
"""Checks that lanewise reads folders saved by Transformers as Transformers does.

    python check_saved_tokenizers.py PROGRAM [--keep FOLDER | --read FOLDER] [CASE...]

For each class of tokenizers of the families that lanewise reads, and each change that users make before saving (tokens added,
special tokens added or renamed, another casing, a vocabulary trained anew): save_pretrained() of the tokenizer and of a small model with
random weights; then the ids of 500 lines, and the texts of what the model generates, against AutoTokenizer.from_pretrained() of that
folder. Runs with Transformers 4.57 and 5. `--keep` leaves the folders in FOLDER, for a run of `--read` with another version.

Where the folder has SentencePiece models alone, the ids are those of the Python class of Transformers 4, which runs SentencePiece
(`hf_tokenizer_folders.py` says why), the texts those of the class that AutoTokenizer takes. Version 5 has no such class for NLLB, mBART
and T5, and does not read their folders here.

Version 4 puts spaces around added tokens that Marian's and M2M100's classes decode, version 5 does not, and it is what lanewise does; with
version 4 such spaces are not compared. T5's fast class of version 4 makes a tokenizer that was trained anew of spiece.model again, which
the training did not change; that is left out.
"""

import argparse
import dataclasses
import json
import pathlib
import re
import shutil
import sys
import tempfile
import typing

import sentencepiece
import torch
import transformers
from make_hf_seq2seq_golden import STACKS, T5_STACKS
from make_subword_golden import byte_level, training_text
from tokenizer_checks import Check, Program, texts_of
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M100
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB

FIVE = int(transformers.__version__.split(".")[0]) >= 5
EXTRA = "extra_special_tokens" if FIVE else "additional_special_tokens"
GENERATED = 100
SAMPLED = ("--temperature", "3", "--seed", "1", "--max-new-tokens", "24")
BERT_SIZES = {"hidden_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24,
              "max_position_embeddings": 1200}  # fmt: skip
T5_IDS = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}


# --- Vocabulary files before Transformers reads them.

def train_pieces(folder, name, lines, **options):
    (folder / "training.txt").write_text("\n".join(lines))
    settings = {"vocab_size": 900, "model_type": "unigram", "character_coverage": 0.995} | options
    sentencepiece.SentencePieceTrainer.train(input=str(folder / "training.txt"), model_prefix=str(folder / "new"), num_threads=1,
                                             shuffle_input_sentence=False, minloglevel=2, **settings)
    (folder / "training.txt").unlink()
    (folder / "new.vocab").unlink()
    (folder / "new.model").rename(folder / name)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / name))
    return [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


def wordpiece_files(folder, lines):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=1500, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>"])
    tokenizer.train_from_iterator(lines + [line.lower() for line in lines], trainer)
    tokenizer.model.save(str(folder))


def byte_level_files(folder, lines):
    byte_level(lines).model.save(str(folder))
    vocabulary = json.loads((folder / "vocab.json").read_text())
    vocabulary["<mask>"] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))


def herbert_files(folder, lines):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(vocab_size=1200, show_progress=False, end_of_word_suffix="</w>",
                                  special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.model.save(str(folder))


def marian_files(folder, lines):
    source = train_pieces(folder, "source.spm", lines[:1500], character_coverage=0.99)
    target = train_pieces(folder, "target.spm", lines[-1500:], vocab_size=850)
    pieces = ["</s>", "<unk>", ">>fra<<", *source, *target, "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(dict.fromkeys(pieces))}))


def m2m100_files(folder, lines):
    pieces = train_pieces(folder, "sentencepiece.bpe.model", lines, model_type="bpe")
    listed = ["<s>", "<pad>", "</s>", "<unk>", *pieces[3:]]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(listed)}))


def bpe_pieces(folder, lines):
    train_pieces(folder, "sentencepiece.bpe.model", lines, model_type="bpe")


def unigram_pieces(folder, lines):
    train_pieces(folder, "sentencepiece.bpe.model", lines)


def no_files(folder, lines):
    """ByT5 has no files."""


def t5_pieces(folder, lines):
    train_pieces(folder, "spiece.model", lines, **T5_IDS)


# --- Classes and their models.

@dataclasses.dataclass
class Kind:
    files: typing.Callable
    name: str  # of the class, without Fast
    model: str  # model_type
    has_fast: bool = True
    settings: dict = dataclasses.field(default_factory=dict)
    config: dict = dataclasses.field(default_factory=dict)
    pieces: bool = False  # the class without Fast saves a SentencePiece model


BART_IDS = {"pad_token_id": 1, "eos_token_id": 2, "bos_token_id": 0, "decoder_start_token_id": 2}
KINDS = {
    "bert": Kind(wordpiece_files, "BertTokenizer", "bert"),
    "herbert": Kind(herbert_files, "HerbertTokenizer", "bert"),
    "bart": Kind(byte_level_files, "BartTokenizer", "bart", config=BART_IDS),
    "roberta": Kind(byte_level_files, "RobertaTokenizer", "bart", config=BART_IDS),
    "gpt2": Kind(byte_level_files, "GPT2Tokenizer", "bart", config=BART_IDS),
    "marian": Kind(marian_files, "MarianTokenizer", "marian", has_fast=False, settings={"source_lang": "en", "target_lang": "fr"}),
    "m2m100": Kind(m2m100_files, "M2M100Tokenizer", "m2m_100", has_fast=False, config=BART_IDS,
                   settings={"src_lang": "de", "additional_special_tokens": [f"__{name}__" for name in M2M100["m2m100"]]}),
    "nllb": Kind(bpe_pieces, "NllbTokenizer", "m2m_100", settings={"src_lang": "deu_Latn", EXTRA: list(NLLB)}, config=BART_IDS, pieces=True),
    "mbart": Kind(unigram_pieces, "MBartTokenizer", "mbart", settings={"src_lang": "de_DE"}, config=BART_IDS, pieces=True),
    "mbart50": Kind(unigram_pieces, "MBart50Tokenizer", "mbart", settings={"src_lang": "de_DE"}, config=BART_IDS, pieces=True),
    "t5": Kind(t5_pieces, "T5Tokenizer", "t5", config={"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}, pieces=True),
    "byt5": Kind(no_files, "ByT5Tokenizer", "t5", has_fast=False, config={"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}),
}


def save_model(kind, tokenizer, folder):
    config = {"vocab_size": len(tokenizer)} | kind.config
    if kind.model == "bert":
        config |= BERT_SIZES
    elif kind.model == "t5":
        config = T5_STACKS | config
    else:
        config = STACKS | {"max_position_embeddings": 1200} | config
    if kind.model == "marian":
        pad = tokenizer.pad_token_id
        config |= {"pad_token_id": pad, "eos_token_id": 0, "decoder_start_token_id": pad, "forced_eos_token_id": 0, "bos_token_id": 0}
    if kind.name == "GPT2Tokenizer":
        config["tokenizer_class"] = "GPT2Tokenizer"
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(kind.model, **config)
    make = transformers.AutoModel if kind.model == "bert" else transformers.AutoModelForSeq2SeqLM
    model = make.from_config(config)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)


# --- Changes that users make to a tokenizer before saving.

def unchanged(tokenizer):
    return tokenizer


def with_tokens(tokenizer):
    tokenizer.add_tokens(["<num>", "lampboat", AddedToken("<lr>", lstrip=True, rstrip=True), AddedToken("<raw>", normalized=False)])
    return tokenizer


def with_specials(tokenizer):
    tokenizer.add_special_tokens({EXTRA: ["<a>", AddedToken("<b>", lstrip=True, special=True, normalized=False)]})
    return tokenizer


def with_both(tokenizer):
    return with_specials(with_tokens(tokenizer))


def renamed(tokenizer):
    tokenizer.add_special_tokens({"mask_token": "<hidden>", "pad_token": "<nothing>"})
    return tokenizer


def trained(tokenizer):
    return tokenizer.train_new_from_iterator([f"{line} Übung naïve" for line in training_text()[:700]], 600)


def trained_with_both(tokenizer):
    return with_both(trained(tokenizer))


@dataclasses.dataclass
class Change:
    make: typing.Callable = unchanged
    settings: dict = dataclasses.field(default_factory=dict)  # for the class


CHANGES = {"plain": Change(), "tokens": Change(with_tokens), "specials": Change(with_specials), "both": Change(with_both)}
TRAINED = {"trained": Change(trained), "trained_both": Change(trained_with_both)}
BERT_CHANGES = {
    "cased": Change(settings={"do_lower_case": False}),
    "cased_tokens": Change(with_tokens, {"do_lower_case": False}),
    "accents": Change(settings={"strip_accents": False}),
    "cased_stripped": Change(settings={"do_lower_case": False, "strip_accents": True}),
    "ideographs": Change(settings={"tokenize_chinese_chars": False}),
    "called_s": Change(settings={"cls_token": "<s>", "sep_token": "</s>"}),
    "renamed": Change(renamed)}  # fmt: skip
BYTE_CHANGES = {"prefix_space": Change(settings={"add_prefix_space": True}), "prefix_space_both": Change(with_both, {"add_prefix_space": True})}
OWN_CHANGES = {"bert": BERT_CHANGES, "bart": BYTE_CHANGES, "roberta": BYTE_CHANGES, "gpt2": BYTE_CHANGES}
TOKENS = ("<num>", "lampboat", "<lr>", "<raw>", "<a>", "<b>", "<hidden>", "LampBoat", "[MASK]", "<mask>", "</s>", "<s>", "<unk>")


def cases():
    """(name, kind, name of the class, change) of every case."""
    for key, kind in KINDS.items():
        fast = kind.name if FIVE or not kind.has_fast else kind.name + "Fast"
        for change_key, change in (CHANGES | OWN_CHANGES.get(key, {})).items():
            yield f"{key}-{change_key}", kind, fast, change
            if not FIVE and kind.has_fast:
                yield f"{key}_slow-{change_key}", kind, kind.name, change
        for change_key, change in TRAINED.items() if kind.has_fast and (FIVE or key != "t5") else ():
            yield f"{key}-{change_key}", kind, fast, change


def make(folder, kind, class_name, change):
    files = folder.parent / "files"
    files.mkdir()
    kind.files(files, training_text())
    tokenizer_class, settings = getattr(transformers, class_name), kind.settings | change.settings
    tokenizer = tokenizer_class.from_pretrained(files, **settings) if any(files.iterdir()) else tokenizer_class(**settings)
    tokenizer = change.make(tokenizer)
    tokenizer.save_pretrained(folder)
    save_model(kind, tokenizer, folder)


def without_spaces(text, kind):
    return text if FIVE or kind.has_fast else re.sub(r" *(<\w+>|lampboat|__\w+__) *", r"\1", text)


def references(folder, kind):
    """The encoder and the decoder; nothing if this version does not run SentencePiece."""
    alone = kind.pieces and not (folder / "tokenizer.json").exists()
    if alone and FIVE:
        return None
    usual = transformers.AutoTokenizer.from_pretrained(folder)
    return (transformers.AutoTokenizer.from_pretrained(folder, use_fast=False) if alone else usual), usual


def check(name, program, kind, encoder, decoder, texts):
    result = Check(name)
    size = len(decoder)

    def ids():
        found = [line["ids"] for line in program.run("tokenize", texts)]
        result.compare("ids", texts, [encoder(text)["input_ids"] for text in texts], found)

    def text():
        """Leaves out ids without a token: the model has rows for them, but the class may not decode them."""
        some = [f"a {text}" for text in texts[:GENERATED]]  # GPT-2's class adds no tokens to an empty text
        lines = program.run("generate", some, *SAMPLED)
        found = [decoder.decode([i for i in line["ids"] if i < size], skip_special_tokens=True) for line in lines]
        result.compare("text", some, [without_spaces(text, kind) for text in found], [without_spaces(line["text"], kind) for line in lines])

    result.attempt("ids", ids)
    if kind.model != "bert":
        result.attempt("text", text)
    return result.wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--read", type=pathlib.Path)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="names, or how they begin")
    arguments = parser.parse_intermixed_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    wrong = 0
    texts = texts_of(training_text(), TOKENS, 0)
    if arguments.read:
        listed = [(path.name, KINDS[path.name.split("-")[0].removesuffix("_slow")], None, None) for path in sorted(arguments.read.iterdir())]
    else:
        listed = list(cases())
    for name, kind, class_name, change in listed:
        if arguments.cases and not name.startswith(tuple(arguments.cases)):
            continue
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            folder = arguments.read / name if arguments.read else (arguments.keep or work) / name
            try:
                if not arguments.read:
                    make(work / "saved", kind, class_name, change)
                    folder.parent.mkdir(exist_ok=True)
                    (work / "saved").rename(folder) if not arguments.keep else shutil.copytree(work / "saved", folder)
                reading = references(folder, kind)
            except Exception as error:  # this version of Transformers cannot, so there is nothing to compare
                print(f"{name:28} Transformers {transformers.__version__} cannot: {type(error).__name__}: {error}"[:200], flush=True)
                continue
            if reading is None:
                print(f"{name:28} has SentencePiece models alone: not read by Transformers {transformers.__version__}")
                continue
            wrong += check(name, Program(arguments.program, folder, work), kind, *reading, texts)
    print(f"Transformers {transformers.__version__}: {wrong} differences")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
