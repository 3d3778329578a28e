#!/usr/bin/env python3
"""Checks that tokenizers of GGUF files give the ids that llama.cpp gives.

    python check_gguf_tokenizers.py PROGRAM --peer PYTHON [--model FILE.gguf]... [--random N] [--corpus FOLDER]

PEER is a Python with the package llama_cpp. Trains a byte-level BPE and a SentencePiece model on the text files of
CORPUS, writes them into GGUF files with several settings and every kind of `tokenizer.ggml.pre`, or with --all every
name of one, and compares the ids of `lanewise tokenize` with llama.cpp's for 500 lines in many languages and N random
strings; so for further models, and with --vocabulary vocab.txt for BERT's tokenizer, where a few characters differ.
Prints one line for each, and fails if any differs.
"""

import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unicodedata

import gguf
import numpy as np

PEER = """
import json, sys
import llama_cpp
model = llama_cpp.Llama(sys.argv[1], vocab_only=True, verbose=False)
for line in sys.stdin:
    print(json.dumps(model.tokenize(json.loads(line).encode(), add_bos=True, special=True)), flush=True)
"""
ALL_PRE = re.findall(r'^    \{"([^"]+)", (k[^}]+)\}',
                     (pathlib.Path(__file__).parents[2] / "converters/gguf/pre_tokenizers.cpp").read_text(), re.M)
PRE = list({what: name for name, what in reversed(ALL_PRE)}.values())  # one for each pattern
SAMPLES = [
    "Hello, world! It's 2024 and we've got 12345 things to do; they're DON'T-miss.", "  leading and   inner   spaces  ",
    "Fran\u00e7ais: l'\u0153uvre d'\u00e9t\u00e9, \u00e7a co\u00fbte 3,50 \u20ac.", "Gr\u00f6\u00dfe \u00fcber Stra\u00dfen",
    "\u0420\u0443\u0441\u0441\u043a\u0438\u0439 \u0442\u0435\u043a\u0441\u0442, \u0434\u0432\u0430\u0434\u0446\u0430\u0442\u044c 20.",
    "\u4e2d\u6587\u6587\u672c\uff0c\u6ca1\u6709\u7a7a\u683c\u3002\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059\u3002", "\ud55c\uad6d\uc5b4 \ubb38\uc7a5\uc785\ub2c8\ub2e4.",
    "\u0627\u0644\u0644\u063a\u0629 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0661\u0662\u0663", "\u05e2\u05d1\u05e8\u05d9\u05ea \u05d5\u05e2\u05d5\u05d3",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902 \u092a\u093e\u0920 \u0967\u0968\u0969", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0e44\u0e21\u0e48\u0e21\u0e35\u0e0a\u0e48\u0e2d\u0e07\u0e27\u0e48\u0e32\u0e07",
    "emoji \U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \u2764\ufe0f!", "tabs\tand\t\tmore\n\nlines\r\nend\n",
    "def f(x):\n    return x ** 2  # comment\n\n\nclass A:\n\tpass", "<|im_start|>user\nHi<|im_end|>\n<s>text</s> <unk>",
    "x = {'a': [1, 2.5e-10], \"b\": None}; y != x && z || !w", "https://example.org/a?b=c&d=%20#e", "CamelCaseWORDSand_snake_case",
    "1 12 123 1234 12345 123456789 1,234.56 \u00bd \u2167 \u00b2", "e\u0301 a\u030a \u00e5 \ufb01 \u1e9e \u017f \u212a", "   ", "\n", "a", "",
    "\u00a0nbsp\u2003em\u3000ideographic\u200bzero", "I'LL WE'RE you'Ve 'sup 'S 'Tis 'm", "----====####....    ....!!!???",
    "\u2581already\u2581escaped \u2581", "\u00ad\u0007\u001b[0m control", "$100 + 5% ^2 ~ `code` |pipe| <tag> \\back",
]  # fmt: skip
ALPHABETS = [
    "abcxyzABCXYZ  '\n.", "0123456789 ,.", " \t\n\r  ", "'sStTrReEvVmMlLdD ", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ a1",
    "\u00e4\u00f6\u00fc\u00df\u00e9\u00e8\u0153\u00e7\u00f1\u0430\u0431\u0432\u0413\u0414\u03b1\u03b2\u03a9 ", "\u4e00\u4e2d\u6587\u3042\u30a2\ud55c\uae00\u3002\uff0c ",
    "\u0301\u0308\u200d\ufe0f\u00a0\u2003\u3000\u2028\u0085e ", "\U0001f600\U0001f44d\U0001f3fd\U00020000\U0001d400 a", "\u0661\u0967\u00b2\u00bd\u2167\u3007 1a",
    "\u2581\u0120 <>|/s_im", "\u0e01\u0e34\u0627\u0628\u064e\u05d0\u0915\u094d\u0937 ",
]  # fmt: skip
ADDED = ["<|im_start|>", "<|im_end|>", "<s>", "</s>", "<unk>", "<|extra|>", "\n\n"]
ADDED_TYPES = [3, 3, 3, 3, 3, 4, 4]
MARKS = ["<|im_start|>", "<|im_end|>", "<s>", "</s>", "<unk>", "<|extra|>", "\n\n", "<0x0A>"]


def is_old(char):
    """Whether all of the tables that are compared know it: Unicode 13 and before."""
    return unicodedata.ucd_3_2_0.category(char) != "Cn"


def random_texts(count):
    rng = random.Random(1)
    anything = [chr(i) for i in range(1, 0x30000) if not 0xD800 <= i < 0xE000 and is_old(chr(i))]
    texts = []
    while len(texts) < count:
        parts = []
        for _ in range(rng.randint(1, 6)):
            alphabet = rng.choice([*ALPHABETS, anything])
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(0, 12))))
            if rng.random() < 0.15:
                parts.append(rng.choice(MARKS))
        texts.append("".join(parts))
    return texts


def lines_of(corpus):
    lines = []
    for path in sorted(corpus.rglob("*.md")) + sorted(corpus.rglob("*.py")):
        lines += [line for line in path.read_text(errors="ignore").splitlines() if line.strip()]
    rng = random.Random(2)
    rng.shuffle(lines)
    return lines


def train_bpe(lines, size=1500):
    """Tokens and merges."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False)
    tokenizer.train_from_iterator(lines + SAMPLES * 20, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return tokens, [" ".join(merge) for merge in model["merges"]]


def train_pieces(lines, folder, size=1500):
    """[piece, score, type]."""
    import sentencepiece
    (folder / "text").write_text("\n".join(lines + SAMPLES * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text"), model_prefix=str(folder / "sp"), vocab_size=size, model_type="bpe",
        byte_fallback=True, character_coverage=0.9995, minloglevel=2, user_defined_symbols=["<|extra|>", "\n\n"],
        normalization_rule_name="identity", remove_extra_whitespaces=False)
    model = sentencepiece.SentencePieceProcessor(str(folder / "sp.model"))
    def kind(i):
        return 2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else 1
    pieces = [[model.id_to_piece(i), model.get_score(i), kind(i)] for i in range(model.vocab_size())]
    for piece in pieces:
        if piece[0] in ("<|extra|>", "\n\n"):
            piece[2] = 4
    return pieces


def write_model(path, fill, count, name="test"):
    """A model of the smallest size; only its vocabulary matters."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_context_length(64)
    writer.add_embedding_length(4)
    writer.add_block_count(1)
    writer.add_feed_forward_length(4)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    fill(writer)
    for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]:
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((4, 4), np.float32))
    for name in ["blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"]:
        writer.add_tensor(f"{name}.weight", np.zeros(4, np.float32))
    writer.add_tensor("token_embd.weight", np.zeros((count, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_bpe(path, tokens, merges, pre, **flags):
    all_tokens = tokens + ADDED
    def fill(writer):
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(all_tokens)
        writer.add_token_types([1] * len(tokens) + ADDED_TYPES)
        writer.add_token_merges(merges)
        writer.add_bos_token_id(len(tokens))
        writer.add_eos_token_id(len(tokens) + 1)
        add_flags(writer, flags)
    write_model(path, fill, len(all_tokens))


def write_pieces(path, pieces, name="test", **flags):
    def fill(writer):
        writer.add_tokenizer_model("llama")
        writer.add_token_list([piece for piece, _, _ in pieces])
        writer.add_token_scores([score for _, score, _ in pieces])
        writer.add_token_types([kind for _, _, kind in pieces])
        add_flags(writer, flags)
    write_model(path, fill, len(pieces), name)


def write_words(path, vocabulary):
    """BERT's vocab.txt, as llama.cpp's converter writes it."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [line if line in special else line[2:] if line.startswith("##") else "\u2581" + line
              for line in vocabulary]
    def fill(writer):
        writer.add_tokenizer_model("bert")
        writer.add_token_list(tokens)
        writer.add_token_types([3 if token in special else 1 for token in vocabulary])
        for name, token in zip(["padding", "unknown", "bos", "seperator", "mask"], special):
            writer.add_uint32(f"tokenizer.ggml.{name}_token_id", vocabulary.index(token))
    write_model(path, fill, len(tokens))


def add_flags(writer, flags):
    for name, value in flags.items():
        writer.add_bool(f"tokenizer.ggml.{name}", value)


def ours(program, model, texts):
    ids = []
    for begin in range(0, len(texts), 1000):
        done = subprocess.run([program, "tokenize", model, "--json", "--quiet", "--", *texts[begin : begin + 1000]],
                              check=True, capture_output=True, text=True)  # fmt: skip
        ids += [json.loads(line)["ids"] for line in done.stdout.split("\n") if line]
    return ids


def peers(python, model, texts):
    done = subprocess.run([python, "-c", PEER, model], input="".join(json.dumps(text) + "\n" for text in texts),
                          check=True, capture_output=True, text=True)  # fmt: skip
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def compare(arguments, name, model, texts):
    found, expected = ours(arguments.program, model, texts), peers(arguments.peer, model, texts)
    assert len(found) == len(expected) == len(texts), (len(found), len(expected), len(texts))
    wrong = [i for i in range(len(texts)) if found[i] != expected[i]]
    print(f"{name:40} {len(texts)} texts, {sum(map(len, expected))} ids, {len(wrong)} texts differ", flush=True)
    for i in wrong[: arguments.show]:
        print(f"    {texts[i]!r}\n      ours      {found[i]}\n      llama.cpp {expected[i]}")
    return len(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--vocabulary", action="append", default=[])
    parser.add_argument("--random", type=int, default=10000)
    parser.add_argument("--corpus", type=pathlib.Path, default=pathlib.Path(__file__).parents[2])
    parser.add_argument("--show", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    lines = lines_of(arguments.corpus)
    texts = (SAMPLES + [f"{a} {b}" for a in SAMPLES for b in SAMPLES])[:300] + lines[:200]
    texts += random_texts(arguments.random)
    wrong = 0
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        models = [(pathlib.Path(model).name, model) for model in arguments.model]
        tokens, merges = train_bpe(lines)
        for i, pre in enumerate([name for name, _ in ALL_PRE] if arguments.all else PRE):
            path = folder / f"bpe_{pre}.gguf"
            write_bpe(path, tokens, merges, pre, **({"add_bos_token": True, "add_eos_token": True} if i % 2 else {}))
            models.append((f"bpe {pre}", path))
        pieces = train_pieces(lines, folder)
        for prefix in (True, False):
            path = folder / f"pieces_{prefix}.gguf"
            write_pieces(path, pieces, add_space_prefix=prefix, **({} if prefix else {"add_eos_token": True}))
            models.append((f"pieces, add_space_prefix {prefix}", path))
        for vocabulary in arguments.vocabulary:
            write_words(folder / "words.gguf", pathlib.Path(vocabulary).read_text().rstrip("\n").split("\n"))
            models.append((f"words of {vocabulary}", folder / "words.gguf"))
        pieces = [piece for piece in pieces if piece[0] != "\n\n"]  # Phi-3 has no added token of white space
        pieces[-1] = ["<|endoftext|>", 0.0, 3]  # which llama.cpp expects
        write_pieces(folder / "phi.gguf", pieces, name="Phi-3 Mini")
        models.append(("pieces, Phi-3", folder / "phi.gguf"))
        for name, model in models:
            if arguments.only in name:
                wrong += compare(arguments, name, str(model), texts) > 0
    return wrong


if __name__ == "__main__":
    sys.exit(main())
