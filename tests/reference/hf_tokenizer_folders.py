"""Small checkpoint folders of translation models, for check_hf_tokenizers.py.

Each function here writes a folder like a published checkpoint and returns a Reference: Transformers' results for it.

Marian, M2M100, BART, and every folder with tokenizer.json: Transformers' own class on that folder.

NLLB, mBART, mBART-50 and T5 without tokenizer.json: the SentencePiece library, with the ids and special tokens that the family's
documentation states. Transformers 5 no longer runs SentencePiece there but rebuilds its model out of parts of `tokenizers`, and
loses some of it: NLLB has no languages, mBART's normalizer is left out (so that full-width letters are unknown), T5 splits at any white
space, `Precompiled` takes whole graphemes. The models were trained on what SentencePiece does, and Transformers before
5 ran it; so do we. check_hf_tokenizers.py prints how many texts Transformers 5 sees differently.

A tokenizer.json of mBART keeps its normalizer, for the same reason. What its class, and NLLB's and mBART-50's, always did is to put
the template of its language and `legacy_behaviour` in place of the file's: the one in NLLB's published files is outdated.
"""

import dataclasses
import json
import typing

import sentencepiece
import torch
import transformers
from make_hf_seq2seq_golden import STACKS, T5_STACKS
from make_subword_golden import byte_level
from sentencepiece.sentencepiece_model_pb2 import ModelProto
from tokenizers import Regex, Tokenizer, normalizers
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M100
from transformers.models.mbart.tokenization_mbart import FAIRSEQ_LANGUAGE_CODES as MBART
from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES as MBART50
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB
from transformers.tokenization_python import Trie

POSITIONS = 1200  # longer than every text


@dataclasses.dataclass
class Reference:
    encode: typing.Callable  # (text, source language or None) -> ids
    decode: typing.Callable  # (ids) -> text without special tokens
    size: int  # of the vocabulary
    sources: tuple = ()  # names of source languages for the program; the class gets Transformers' own name
    targets: dict = dataclasses.field(default_factory=dict)  # names of target languages, and their ids
    other: typing.Callable = None  # Transformers 5's result where it is not the reference
    specials: tuple = ()  # to put into texts


def train(folder, name, lines, **options):
    (folder / "training.txt").write_text("\n".join(lines))
    settings = {"vocab_size": 900, "model_type": "unigram", "character_coverage": 0.995} | options
    sentencepiece.SentencePieceTrainer.train(input=str(folder / "training.txt"), model_prefix=str(folder / name), num_threads=1,
                                             shuffle_input_sentence=False, minloglevel=2, **settings)
    (folder / "training.txt").unlink()
    (folder / f"{name}.vocab").unlink()
    (folder / f"{name}.model").rename(folder / name)
    return load(folder / name)


def load(path):
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def pieces_of(processor):
    return [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


def save_model(folder, kind, **config):
    """A small model with random weights, and texts of any length."""
    sizes = T5_STACKS if kind == "t5" else STACKS | {"max_position_embeddings": POSITIONS}
    torch.manual_seed(len(config))
    model = transformers.AutoModelForSeq2SeqLM.from_config(transformers.AutoConfig.for_model(kind, **(sizes | config)))
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return model


def of_class(tokenizer, **fields):
    """The results of a class of Transformers."""
    def encode(text, source=None):
        if source is not None:
            tokenizer.src_lang = source
        return tokenizer(text)["input_ids"]
    return Reference(encode=encode, decode=lambda ids: tokenizer.decode(ids, skip_special_tokens=True),
                     size=len(tokenizer), **fields)


class Pieces:
    """SentencePiece between special tokens, as Transformers' Python classes run it."""

    def __init__(self, processor, ids, specials, template, lstrip=()):
        self.processor, self.ids, self.specials, self.template, self.lstrip = processor, ids, specials, template, lstrip
        self.trie = Trie()
        for token in specials:
            self.trie.add(token)
        self.pieces = {i: piece for piece, i in (ids | specials).items()}

    def encode(self, text, source=None):
        found = []
        parts = self.trie.split(text)
        for part, behind in zip(parts, parts[1:] + [""]):
            if part in self.specials:
                found.append(self.specials[part])
            else:
                part = part.rstrip() if behind in self.lstrip else part
                found += [self.ids.get(piece, self.ids["<unk>"]) for piece in self.processor.encode(part, out_type=str)]
        prefix, suffix = self.template(source)
        return [self.specials[t] for t in prefix] + found + [self.specials[t] for t in suffix]

    def decode(self, ids):
        return self.processor.decode([self.pieces[i] for i in ids if i in self.pieces and self.pieces[i] not in self.specials])


def fairseq(processor, languages, template):
    pieces = pieces_of(processor)
    specials = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    ids = specials | {piece: i + 1 for i, piece in enumerate(pieces) if i > 2}
    specials |= {language: len(pieces) + 1 + i for i, language in enumerate(languages)}
    specials |= {"<mask>": len(pieces) + 1 + len(languages)}
    return Pieces(processor, ids, specials, template, lstrip=("<mask>",))


def write_settings(folder, **settings):
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def cleaned(folder, lines, make, of_pieces=False):
    """As `make`, with clean_up_tokenization_spaces, which Transformers 4 wrote into most folders. Where the class does not give the
    text, its function still cleans it up."""
    reference = make(folder, lines + ["a .", "a ?", "a !", "a ,", "a ' b", "a n't", "a 's"] * 500)
    write_settings(folder, **json.loads((folder / "tokenizer_config.json").read_text()) | {"clean_up_tokenization_spaces": True})
    cleaner = transformers.AutoTokenizer.from_pretrained(folder)
    assert cleaner.clean_up_tokenization_spaces
    if of_pieces:
        return dataclasses.replace(reference, decode=lambda ids: cleaner.clean_up_tokenization(reference.decode(ids)))
    return dataclasses.replace(reference, decode=lambda ids: cleaner.decode(ids, skip_special_tokens=True))


def marian_cleaned(folder, lines):
    return cleaned(folder, lines, marian)


def m2m100_cleaned(folder, lines):
    return cleaned(folder, lines, m2m100, of_pieces=True)


def t5_pieces_cleaned(folder, lines):
    return cleaned(folder, lines, t5_pieces, of_pieces=True)


def t5_json_cleaned(folder, lines):
    return cleaned(folder, lines, t5_json)


def mbart50_json_cleaned(folder, lines):
    return cleaned(folder, lines, mbart50_json)


def nllb_json_cleaned(folder, lines):
    """Has no effect, as for all BPE."""
    return cleaned(folder, lines, nllb_json)


def bart_json_cleaned(folder, lines):
    return cleaned(folder, lines, bart_json)


# --- Marian.

def marian_files(folder, lines, names=("source", "target")):
    """Source and target models trained on different texts; their pieces in one list of ids, with languages."""
    half = len(lines) * 3 // 4
    source = train(folder, "source.spm", lines[:half], character_coverage=0.99)
    target = train(folder, "target.spm", lines[-half:], vocab_size=850)
    return pieces_of(source), pieces_of(target)


def vocabulary_of(*lists, languages=()):
    """Like Marian's: </s> and <unk> first, languages among the pieces, <pad> last. A few pieces are missing."""
    pieces = ["</s>", "<unk>", *languages]
    for i, piece in enumerate(piece for one in lists for piece in one):
        if piece not in ("<s>", "</s>", "<unk>") and i % 37:
            pieces.append(piece)
    return {piece: i for i, piece in enumerate(list(dict.fromkeys(pieces)) + ["<pad>"])}


def marian(folder, lines):
    languages = (">>fra<<", ">>deu<<", ">>zho_Hans<<")
    source, target = marian_files(folder, lines)
    vocabulary = vocabulary_of(source, target, languages=languages)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    transformers.MarianTokenizer.from_pretrained(folder, source_lang="en", target_lang="fr").save_pretrained(folder)
    pad = vocabulary["<pad>"]
    save_model(folder, "marian", vocab_size=len(vocabulary), pad_token_id=pad, eos_token_id=0, decoder_start_token_id=pad,
               forced_eos_token_id=0, bos_token_id=0)
    return of_class(transformers.MarianTokenizer.from_pretrained(folder), specials=(*languages, ">>xyz<<", ">>", "<<"))


def marian_two_vocabularies(folder, lines):
    source, target = marian_files(folder, lines)
    vocabulary, other = vocabulary_of(source), vocabulary_of(target)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "target_vocab.json").write_text(json.dumps(other))
    transformers.MarianTokenizer.from_pretrained(folder, separate_vocabs=True).save_pretrained(folder)
    tokenizer = transformers.MarianTokenizer.from_pretrained(folder)
    save_model(folder, "marian", vocab_size=len(vocabulary), decoder_vocab_size=len(other), share_encoder_decoder_embeddings=False,
               tie_word_embeddings=False, pad_token_id=other["<pad>"], eos_token_id=0, decoder_start_token_id=other["<pad>"],
               forced_eos_token_id=0, bos_token_id=0)
    pieces = {i: piece for piece, i in other.items()}

    def decode(ids):
        """Transformers skips the source's id of <pad>, which is a piece of the target."""
        return tokenizer.convert_tokens_to_string([pieces[i] for i in ids if pieces[i] not in ("</s>", "<unk>", "<pad>")])
    return dataclasses.replace(of_class(tokenizer, specials=(">>fra<<",)), decode=decode)


# --- M2M100 and NLLB.

SPECIALS = ("<s>", "</s>", "<unk>", "<pad>", "<mask>")


def m2m100(folder, lines, codes="m2m100", usual="de"):
    pieces = pieces_of(train(folder, "sentencepiece.bpe.model", lines, model_type="bpe"))
    listed = ["<s>", "<pad>", "</s>", "<unk>"] + [p for i, p in enumerate(pieces) if i > 2 and i % 41]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(listed)}))
    # Like the published special_tokens_map.json; without the list Transformers 5 treats no language as a special token.
    languages = [f"__{name}__" for name in M2M100[codes]]
    transformers.M2M100Tokenizer.from_pretrained(folder, src_lang=usual, language_codes=codes,
                                                 additional_special_tokens=languages).save_pretrained(folder)
    tokenizer = transformers.M2M100Tokenizer.from_pretrained(folder)
    save_model(folder, "m2m_100", vocab_size=len(tokenizer) + 8, pad_token_id=1, eos_token_id=2, bos_token_id=0, decoder_start_token_id=2)
    targets = {name: tokenizer.get_lang_id(name.strip("_")) for name in ("ru", "zh", "__en__")}
    found = of_class(tokenizer, sources=("en", "is"), targets=targets, specials=(*SPECIALS, "__ru__", "__en__", "__xx__"))
    known = len(listed) + len(languages)
    # After them are made-up words, which no trained model generates. Transformers decodes each to <unk>, lanewise to nothing.
    return dataclasses.replace(found, decode=lambda ids: found.decode([i for i in ids if i < known]))


def wmt21(folder, lines):
    return m2m100(folder, lines, "wmt21", "en")


NLLB_TARGETS = ("fra_Latn", "kor_Hang", "ace_Arab")


def nllb_template(legacy):
    return lambda source: ([], ["</s>", source or "deu_Latn"]) if legacy else ([source or "deu_Latn"], ["</s>"])


def nllb_pieces(folder, lines, legacy=False):
    settings = {"tokenizer_class": "NllbTokenizer", "src_lang": "deu_Latn"} | ({"legacy_behaviour": True} if legacy else {})
    pieces = fairseq(train(folder, "sentencepiece.bpe.model", lines, model_type="bpe"), NLLB, nllb_template(legacy))
    write_settings(folder, **settings)
    save_model(folder, "m2m_100", vocab_size=len(pieces.pieces) + 1, pad_token_id=1, eos_token_id=2, bos_token_id=0,
               decoder_start_token_id=2)
    return Reference(encode=pieces.encode, decode=pieces.decode, size=len(pieces.pieces), sources=("kor_Hang", "eng_Latn"),
                     targets={name: pieces.specials[name] for name in NLLB_TARGETS}, specials=(*SPECIALS, "fra_Latn"),
                     other=of_class(transformers.NllbTokenizer.from_pretrained(folder)))


def nllb_pieces_legacy(folder, lines):
    return nllb_pieces(folder, lines, legacy=True)


def from_pieces(folder, lines, tokenizer_class, name, options={}, **settings):
    """tokenizer.json as the class makes it from a SentencePiece model, which is then removed."""
    train(folder, name, lines, **options)
    tokenizer = tokenizer_class.from_pretrained(folder, **settings)
    (folder / name).unlink()
    return tokenizer


def nllb_json(folder, lines, legacy=False):
    tokenizer = from_pieces(folder, lines, transformers.NllbTokenizer, "sentencepiece.bpe.model", {"model_type": "bpe"},
                            src_lang="kor_Hang", extra_special_tokens=list(NLLB))
    tokenizer.save_pretrained(folder)
    # The settings name another language than the template in tokenizer.json, like those of NLLB-200.
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {"src_lang": "deu_Latn"} | ({"legacy_behaviour": True} if legacy else {})
    write_settings(folder, **settings)
    tokenizer = transformers.NllbTokenizer.from_pretrained(folder)
    save_model(folder, "m2m_100", vocab_size=len(tokenizer), pad_token_id=1, eos_token_id=2, bos_token_id=0, decoder_start_token_id=2)
    return of_class(tokenizer, sources=("kor_Hang", "eng_Latn"), specials=(*SPECIALS, "fra_Latn"),
                    targets={name: tokenizer.convert_tokens_to_ids(name) for name in NLLB_TARGETS})


def nllb_json_legacy(folder, lines):
    return nllb_json(folder, lines, legacy=True)


# --- mBART.

def mbart_like(folder, lines, languages, template, tokenizer_class, usual):
    pieces = fairseq(train(folder, "sentencepiece.bpe.model", lines), languages, template)
    write_settings(folder, tokenizer_class=tokenizer_class.__name__, src_lang=usual)
    save_model(folder, "mbart", vocab_size=len(pieces.pieces), pad_token_id=1, eos_token_id=2, bos_token_id=0, decoder_start_token_id=2)
    targets = {"fr_XX": pieces.specials["fr_XX"], "ko": pieces.specials["ko_KR"]}
    return Reference(encode=pieces.encode, decode=pieces.decode, size=len(pieces.pieces), sources=("ko_KR", "en_XX"), targets=targets,
                     specials=(*SPECIALS, "fr_XX"), other=of_class(tokenizer_class.from_pretrained(folder)))


def mbart_pieces(folder, lines):
    return mbart_like(folder, lines, MBART, lambda source: ([], ["</s>", source or "de_DE"]), transformers.MBartTokenizer, "de_DE")


def mbart50_pieces(folder, lines):
    return mbart_like(folder, lines, MBART50, lambda source: ([source or "de_DE"], ["</s>"]), transformers.MBart50Tokenizer, "de_DE")


def mbart_json_like(folder, lines, tokenizer_class):
    from_pieces(folder, lines, tokenizer_class, "sentencepiece.bpe.model", src_lang="ko_KR").save_pretrained(folder)
    tokenizer = tokenizer_class.from_pretrained(folder)
    save_model(folder, "mbart", vocab_size=len(tokenizer), pad_token_id=1, eos_token_id=2, bos_token_id=0, decoder_start_token_id=2)
    targets = {"fr_XX": tokenizer.convert_tokens_to_ids("fr_XX"), "ko": tokenizer.convert_tokens_to_ids("ko_KR")}
    return of_class(tokenizer, sources=("ar_AR", "en_XX"), targets=targets, specials=(*SPECIALS, "fr_XX"))


def mbart_json(folder, lines):
    return mbart_json_like(folder, lines, transformers.MBartTokenizer)


def mbart_json_normalized(folder, lines):
    """As Transformers 4 wrote it for published folders, with the normalizer of the SentencePiece model."""
    reference = mbart_json(folder, lines)
    charsmap = train(folder, "again.model", lines).serialized_model_proto()
    (folder / "again.model").unlink()
    whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
    charsmap = ModelProto.FromString(charsmap).normalizer_spec.precompiled_charsmap
    whole.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    whole.save(str(folder / "tokenizer.json"))

    def encode(text, source=None):
        return whole.encode(text, add_special_tokens=False).ids + [2, whole.token_to_id(source or "ko_KR")]
    return dataclasses.replace(reference, encode=encode)


def mbart50_json(folder, lines):
    return mbart_json_like(folder, lines, transformers.MBart50Tokenizer)


# --- T5 and BART.

T5_OPTIONS = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}


def t5_pieces(folder, lines):
    processor = train(folder, "spiece.model", lines, **T5_OPTIONS)
    write_settings(folder, tokenizer_class="T5Tokenizer", extra_ids=50)
    pieces = pieces_of(processor)
    specials = {"<pad>": 0, "</s>": 1, "<unk>": 2} | {f"<extra_id_{k}>": len(pieces) + 49 - k for k in range(50)}
    found = Pieces(processor, {piece: i for i, piece in enumerate(pieces)}, specials, lambda _: ([], ["</s>"]))
    save_model(folder, "t5", vocab_size=len(pieces) + 50, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    return Reference(encode=found.encode, decode=found.decode, size=len(pieces) + 50, specials=("<pad>", "</s>", "<unk>", "<extra_id_7>"),
                     other=of_class(transformers.T5Tokenizer.from_pretrained(folder)))


def t5_json(folder, lines):
    from_pieces(folder, lines, transformers.T5Tokenizer, "spiece.model", T5_OPTIONS).save_pretrained(folder)
    tokenizer = transformers.T5Tokenizer.from_pretrained(folder)
    save_model(folder, "t5", vocab_size=len(tokenizer), pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    return of_class(tokenizer, specials=("<pad>", "</s>", "<unk>", "<extra_id_7>"))


def bart_json(folder, lines):
    """vocab.json, merges.txt and tokenizer.json. <mask> takes the space before it, as the documentation says, which the class of
    Transformers 5 has to be told."""
    mask = transformers.AddedToken("<mask>", lstrip=True, special=True)
    byte_level(lines).model.save(str(folder))
    vocabulary = json.loads((folder / "vocab.json").read_text())
    vocabulary["<mask>"] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = transformers.BartTokenizer.from_pretrained(folder, mask_token=mask)
    tokenizer.save_pretrained(folder)
    save_model(folder, "bart", vocab_size=len(tokenizer), pad_token_id=1, eos_token_id=2, bos_token_id=0, decoder_start_token_id=2)
    return of_class(tokenizer, specials=SPECIALS)


def bart_files(folder, lines):
    """Only vocab.json and merges.txt."""
    reference = bart_json(folder, lines)
    (folder / "tokenizer.json").unlink()
    return reference


FOLDERS = {made.__name__: made for made in (
    marian, marian_two_vocabularies, m2m100, wmt21, nllb_pieces, nllb_pieces_legacy, nllb_json, nllb_json_legacy, mbart_pieces,
    mbart_json, mbart_json_normalized, mbart50_pieces, mbart50_json, t5_pieces, t5_json, bart_files, bart_json, marian_cleaned,
    m2m100_cleaned, t5_pieces_cleaned, t5_json_cleaned, mbart50_json_cleaned, nllb_json_cleaned, bart_json_cleaned)}
