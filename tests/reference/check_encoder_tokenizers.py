#!/usr/bin/env python3
"""Checks that lanewise tokenizes texts for encoders as Transformers does.

    python check_encoder_tokenizers.py PROGRAM [--random N] [FOLDER...]

Small folders with the tokenizers of RoBERTa, XLM-RoBERTa, CamemBERT, ALBERT, DeBERTa 1 and 2, MPNet, ModernBERT and BERT, each once with the
files that the class was made for (vocab.json and merges.txt, a SentencePiece model, vocab.txt) and once with the tokenizer.json that it saves;
the ids of 500 lines and N random texts. Then pairs of such texts, truncated: ids of pairs are not printed, so a classifier with random weights
reads them, which has another score wherever an id, a token type or a length differs. Runs with Transformers 4.57, whose Python classes run SentencePiece: hf_tokenizer_folders.py says why they are
the reference for folders without a tokenizer.json. ALBERT's does more to texts than its other class, which AutoTokenizer takes and which
is the reference here.
"""

import argparse
import json
import pathlib
import random
import sys
import tempfile

import torch
import transformers
from check_saved_tokenizers import byte_level_files, train_pieces, wordpiece_files
from make_subword_golden import byte_level, training_text
from tokenizer_checks import SHOWN, Check, Program, texts_of
from tokenizers import AddedToken, normalizers, processors
from transformers import PreTrainedTokenizerFast

SIZES = {"hidden_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 1200}
TOLERANCE = 1e-5
PAIRS = 900  # of each kind of files
SECONDS = 6  # with so many second texts, and two short ones
LIMITS = (8, 23, 64)
ALBERT_IDS = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": ["[CLS]", "[SEP]", "[MASK]"]}

DEBERTA_IDS = {"pad_id": 0, "pad_piece": "[PAD]", "bos_id": 1, "bos_piece": "[CLS]", "eos_id": 2, "eos_piece": "[SEP]", "unk_id": 3,
               "unk_piece": "[UNK]"}


def mpnet_files(folder, lines):
    """BERT's pieces between RoBERTa's special tokens."""
    wordpiece_files(folder, lines)
    words = [word for word in (folder / "vocab.txt").read_text().split("\n") if word and word not in ("<s>", "</s>", "[PAD]")]
    (folder / "vocab.txt").write_text("\n".join(["<s>", "<pad>", "</s>", *words, "<mask>"]) + "\n")


def bpe_pieces(folder, lines):
    train_pieces(folder, "sentencepiece.bpe.model", lines)


def albert_pieces(folder, lines):
    train_pieces(folder, "spiece.model", lines, **ALBERT_IDS)


def deberta_pieces(folder, lines):
    train_pieces(folder, "spm.model", lines, **DEBERTA_IDS)


def deberta_files(folder, lines):
    """GPT-2's pieces between BERT's special tokens."""
    byte_level_files(folder, lines)
    pieces = [piece for piece in json.loads((folder / "vocab.json").read_text()) if piece not in ("<s>", "</s>", "<mask>", "<pad>", "<unk>")]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]", *pieces, "[MASK]"])}))


def modernbert_files(folder, lines):
    """A tokenizer.json alone, of no class in particular."""
    tokenizer = byte_level(lines)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(["[UNK]", "[CLS]", "[SEP]", "[PAD]", AddedToken("[MASK]", lstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
                            mask_token="[MASK]", model_input_names=["input_ids", "attention_mask"]).save_pretrained(folder)


# The files, the class without Fast, the model_type, whether SentencePiece runs in it, special tokens.
ROBERTA = ("<s>", "</s>", "<mask>", "<pad>", "<unk>")
BERT = ("[CLS]", "[SEP]", "[MASK]")
KINDS = {
    "bert": (wordpiece_files, "BertTokenizer", "bert", False, BERT),
    "distilbert": (wordpiece_files, "DistilBertTokenizer", "distilbert", False, BERT),
    "electra": (wordpiece_files, "ElectraTokenizer", "electra", False, BERT),
    "mpnet": (mpnet_files, "MPNetTokenizer", "mpnet", False, ("<s>", "</s>", "<mask>")),
    "roberta": (byte_level_files, "RobertaTokenizer", "roberta", False, ROBERTA),
    "xlm-roberta": (bpe_pieces, "XLMRobertaTokenizer", "xlm-roberta", True, ROBERTA),
    "camembert": (bpe_pieces, "CamembertTokenizer", "camembert", True, ROBERTA),
    "albert": (albert_pieces, "AlbertTokenizer", "albert", True, BERT),
    "deberta": (deberta_pieces, "DebertaV2Tokenizer", "deberta-v2", True, BERT),
    "deberta v1": (deberta_files, "DebertaTokenizer", "deberta", False, BERT),
    "modernbert": (modernbert_files, None, "modernbert", False, BERT),
    # A BERT with another's tokenizer, as multilingual E5.
    "bert pieces": (bpe_pieces, "XLMRobertaTokenizer", "bert", True, ROBERTA),
}


def save_model(folder, model_type, tokenizer, name):
    """Returns a classifier."""
    types = {} if model_type in ("distilbert", "mpnet", "modernbert") else {"type_vocab_size": 2}
    ids = {"pad_token_id": tokenizer.pad_token_id, "cls_token_id": None, "bos_token_id": None, "eos_token_id": None, "sep_token_id": None}
    config = transformers.AutoConfig.for_model(model_type, vocab_size=len(tokenizer), num_labels=3, initializer_range=0.3, **SIZES, **types, **ids)
    config.tokenizer_class = name
    torch.manual_seed(1)
    model = transformers.AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    model.save_pretrained(folder)
    return model


def scores(model, tokenizer, pairs, limit):
    """Of each pair alone."""
    found = []
    for first, second in pairs:
        inputs = tokenizer(first, second, return_tensors="pt", truncation=True, max_length=limit)
        with torch.no_grad():
            found.append(model(**inputs).logits[0].softmax(-1).tolist())
    return found


def set_limit(folder, limit):
    path = folder / "tokenizer_config.json"
    old = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(old | {"model_max_length": limit}))


def compare_pairs(result, run, folder, model, tokenizer, texts):
    rng = random.Random(9)
    worst, wrong, count = 0.0, 0, 0
    for limit in LIMITS:
        set_limit(folder, limit)
        for second in rng.sample(texts, SECONDS) + [" ", "?"]:
            firsts = rng.sample(texts, PAIRS // SECONDS // len(LIMITS))
            found = run.run("classify", firsts, "--top", "3", "--pair", second)
            for expected, line in zip(scores(model, tokenizer, [(first, second) for first in firsts], limit), found):
                labels = {label["label"]: label["score"] for label in line["labels"]}
                difference = max(abs(labels[f"LABEL_{i}"] - score) for i, score in enumerate(expected))
                worst = max(worst, difference)
                count += 1
                if difference > TOLERANCE:
                    wrong += 1
                    if wrong <= SHOWN:
                        print(f"    pair {line['text']!r}, {second!r}, at most {limit}: {difference:.1e}")
    print(f"{result.name:24} pairs: {count} compared, {wrong or 'none'} different, scores within {worst:.1e}", flush=True)
    result.wrong += wrong


def encoder(folder, name, pieces):
    if name is None:
        only = transformers.AutoTokenizer.from_pretrained(folder)
        return only, lambda text: only(text)["input_ids"]
    fast = getattr(transformers, name + "Fast").from_pretrained(folder)
    if not pieces or name in ("AlbertTokenizer", "DebertaV2Tokenizer"):
        return fast, lambda text: fast(text)["input_ids"]
    slow = getattr(transformers, name).from_pretrained(folder)
    return slow, lambda text: slow(text)["input_ids"]


def check(name, form, program, training, count):
    files, class_name, model_type, pieces, specials = KINDS[name]
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work) / "model"
        folder.mkdir()
        files(folder, training)
        if form == "json" and class_name is not None:
            made = getattr(transformers, class_name + "Fast").from_pretrained(folder)
            for path in folder.iterdir():
                path.unlink()
            made.save_pretrained(folder)
            (folder / "spiece.model").unlink(missing_ok=True)
            (folder / "spm.model").unlink(missing_ok=True)
            (folder / "sentencepiece.bpe.model").unlink(missing_ok=True)
        tokenizer, encode = encoder(folder, class_name, pieces and form == "files")
        model = save_model(folder, model_type, tokenizer, class_name)
        texts = texts_of(training, specials, count)
        result = Check(f"{name}, {form}")
        run = Program(program, folder, pathlib.Path(work))
        expected = [encode(text) for text in texts]
        result.attempt("ids", lambda: result.compare("ids", texts, expected, [line["ids"] for line in run.run("tokenize", texts)]))
        result.attempt("pairs", lambda: compare_pairs(result, run, folder, model, tokenizer, texts))
        return result.wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--random", type=int, default=5000)
    parser.add_argument("folders", nargs="*", metavar="FOLDER")
    arguments = parser.parse_intermixed_args()
    transformers.logging.set_verbosity_error()
    training = training_text()
    wrong = sum(check(name, form, arguments.program, training, arguments.random)
                for name in arguments.folders or KINDS for form in ("files", "json")
                if form == "json" or KINDS[name][1] is not None)
    print("wrong:", wrong)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
