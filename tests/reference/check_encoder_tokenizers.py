#!/usr/bin/env python3
"""Checks that lanewise tokenizes texts for encoders as Transformers does.

    python check_encoder_tokenizers.py PROGRAM [--random N] [FOLDER...]

Small folders with the tokenizers of RoBERTa, XLM-RoBERTa, CamemBERT, ALBERT, DeBERTa, MPNet and BERT, each once with the files that the class
was made for (vocab.json and merges.txt, a SentencePiece model, vocab.txt) and once with the tokenizer.json that it saves; the ids of 500
lines and N random texts. Runs with Transformers 4.57, whose Python classes run SentencePiece: hf_tokenizer_folders.py says why they are
the reference for folders without a tokenizer.json. ALBERT's does more to texts than its other class, which AutoTokenizer takes and which
is the reference here.
"""

import argparse
import pathlib
import sys
import tempfile

import torch
import transformers
from check_saved_tokenizers import byte_level_files, train_pieces, wordpiece_files
from make_subword_golden import training_text
from tokenizer_checks import Check, Program, texts_of

SIZES = {"hidden_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 1200}
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
    # A BERT with another's tokenizer, as multilingual E5.
    "bert pieces": (bpe_pieces, "XLMRobertaTokenizer", "bert", True, ROBERTA),
}


def save_model(folder, model_type, tokenizer, name):
    config = transformers.AutoConfig.for_model(model_type, vocab_size=len(tokenizer), **SIZES)
    config.tokenizer_class = name
    torch.manual_seed(1)
    transformers.AutoModel.from_config(config).save_pretrained(folder)


def encoder(folder, name, pieces):
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
        if form == "json":
            made = getattr(transformers, class_name + "Fast").from_pretrained(folder)
            for path in folder.iterdir():
                path.unlink()
            made.save_pretrained(folder)
            (folder / "spiece.model").unlink(missing_ok=True)
            (folder / "spm.model").unlink(missing_ok=True)
            (folder / "sentencepiece.bpe.model").unlink(missing_ok=True)
        tokenizer, encode = encoder(folder, class_name, pieces and form == "files")
        save_model(folder, model_type, tokenizer, class_name)
        texts = texts_of(training, specials, count)
        result = Check(f"{name}, {form}")
        run = Program(program, folder, pathlib.Path(work))
        expected = [encode(text) for text in texts]
        result.attempt("ids", lambda: result.compare("ids", texts, expected, [line["ids"] for line in run.run("tokenize", texts)]))
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
                for name in arguments.folders or KINDS for form in ("files", "json"))
    print("wrong:", wrong)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
