#!/usr/bin/env python3
"""Writes tests/data/subword/sentencepiece.json: small random SentencePiece models, and SentencePiece's results for texts with
them.

    python make_sentencepiece_golden.py [--output FILE]

Models of all four types over a few letters, so that pieces overlap and scores tie: normal, user-defined, unused and control pieces,
some with bytes. The last text is long enough for sums of scores to leave the exact part of f32.
"""

import argparse
import base64
import json
import pathlib
import random

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as pb

HERE = pathlib.Path(__file__).resolve().parent
MODELS, TEXTS = 15, 24
TYPES = {"unigram": 1, "bpe": 2, "word": 3, "char": 4}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
LETTERS = "abz▁é"


def scores(rng, count):
    """Scores, some of which are equal or have equal sums."""
    kind = rng.randrange(4)
    if kind == 0:
        return [-float(rng.randrange(1, 4)) for _ in range(count)]
    if kind == 1:
        return [-rng.random() * 10 for _ in range(count)]
    if kind == 2:
        return [-float(i) for i in range(count)]
    return [rng.choice([-0.1, -0.2, -0.30000001, -1.1, -2.2, 0.0, 0.5]) for _ in range(count)]


def model(rng, kind, byte_fallback):
    proto = pb.ModelProto()
    proto.trainer_spec.model_type = TYPES[kind]
    proto.trainer_spec.byte_fallback = byte_fallback
    proto.trainer_spec.treat_whitespace_as_suffix = rng.random() < 0.2
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = rng.random() < 0.5
    proto.normalizer_spec.remove_extra_whitespaces = rng.random() < 0.5
    proto.normalizer_spec.escape_whitespaces = rng.random() < 0.8
    pieces = [("<unk>", 0, UNKNOWN), ("<s>", 0, CONTROL), ("</s>", 0, CONTROL)]
    pieces += [(f"<0x{byte:02X}>", 0, BYTE) for byte in range(256 if byte_fallback else 0)]
    letters = rng.sample(LETTERS, rng.randrange(1, 5))
    words = {"".join(rng.choice(letters) for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4]))) for _ in range(rng.randrange(2, 14))}
    words = rng.sample(sorted(words), len(words))
    for word, score in zip(words, scores(rng, len(words))):
        pieces.append((word, score, rng.choices([NORMAL, USER_DEFINED, UNUSED, CONTROL], [6, 2, 1, 0.3])[0]))
    for text, score, type_ in pieces:
        piece = proto.pieces.add()
        piece.piece, piece.score, piece.type = text, score, type_
    return proto.SerializeToString()


# Unigram models made by hand: (text, score, kind) of each piece but the first.
BY_HAND = [
    # A symbol of unknown letters: of two paths with the same cost the first one counts.
    [("zz", 0, USER_DEFINED), ("▁", -2, NORMAL), ("a", -3, NORMAL)],
    # The bonus of a symbol of two bytes is between 0.05 and 0.15.
    [("ab", -9, USER_DEFINED), ("a", 0.05, NORMAL), ("b", 0.1, NORMAL), ("bb", -9, USER_DEFINED), ("éz", 0, USER_DEFINED), ("é", 0.01, NORMAL), ("z", 0.04, NORMAL)],
    # After many unknown letters f32 does not distinguish -2.03 from -2.04 unless sums are rebased.
    [("ab", -2.03, NORMAL), ("a", -1.01, NORMAL), ("b", -1.03, NORMAL), ("zé", -3.002, NORMAL), ("z", -1.5, NORMAL), ("é", -1.501, NORMAL)],
]


def by_hand(pieces):
    proto = pb.ModelProto()
    for text, score, type_ in [("<unk>", 0, UNKNOWN), *pieces]:
        piece = proto.pieces.add()
        piece.piece, piece.score, piece.type = text, score, type_
    return proto.SerializeToString()


def texts(rng):
    some = ["".join(rng.choice("abzz é▁" if rng.random() < 0.9 else "q") for _ in range(rng.randrange(1, 9))) for _ in range(TEXTS)]
    return some + ["zzz", "zzzz", "ababab", "é"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "subword" / "sentencepiece.json")
    output = parser.parse_args().output
    rng = random.Random(11)
    found = []
    for kind in TYPES:
        for index in range(MODELS):
            made = kind == "unigram" and index < len(BY_HAND)
            data = by_hand(BY_HAND[index]) if made else model(rng, kind, byte_fallback=index == len(BY_HAND))
            try:
                processor = sentencepiece.SentencePieceProcessor(model_proto=data)
            except RuntimeError:  # a unigram model without a piece of text
                continue
            cases = [[text, processor.encode(text), processor.decode(processor.encode(text))] for text in texts(rng)]
            repeated = "abzéq" * 20000
            ids = processor.encode(repeated)
            found.append({"type": kind, "model": base64.b64encode(data).decode(), "texts": cases, "long": [len(ids), sum(i * id for i, id in enumerate(ids)) % 2**31]})
    output.write_text(json.dumps(found, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
