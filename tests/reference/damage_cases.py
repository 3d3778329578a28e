"""The faults that check_damage.py plants: folders and files, each with something wrong."""

import io
import json
import os
import pickle
import random
import struct
import subprocess
import zipfile

VOCABULARY, HIDDEN, INNER, POSITIONS, LAYERS = 13, 20, 36, 24, 2

CONFIG = {"model_type": "bert", "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
          "num_attention_heads": 4, "intermediate_size": INNER, "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
          "hidden_act": "gelu", "layer_norm_eps": 1e-12}
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] a b c d e ##a ##b ##c".split()
DEBERTA = CONFIG | {"model_type": "deberta", "relative_attention": True, "pos_att_type": "c2p|p2c", "type_vocab_size": 0,
                    "position_biased_input": False}


def bert_shapes():
    shapes = {"embeddings.word_embeddings.weight": [VOCABULARY, HIDDEN],
              "embeddings.position_embeddings.weight": [POSITIONS, HIDDEN],
              "embeddings.token_type_embeddings.weight": [2, HIDDEN]}

    def affine(name, out, width=None):
        shapes[name + ".weight"] = [out] if width is None else [out, width]
        shapes[name + ".bias"] = [out]

    affine("embeddings.LayerNorm", HIDDEN)
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            affine(layer + "attention.self." + part, HIDDEN, HIDDEN)
        affine(layer + "attention.output.dense", HIDDEN, HIDDEN)
        affine(layer + "attention.output.LayerNorm", HIDDEN)
        affine(layer + "intermediate.dense", INNER, HIDDEN)
        affine(layer + "output.dense", HIDDEN, INNER)
        affine(layer + "output.LayerNorm", HIDDEN)
    return shapes


def elements(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def floats(count, seed):
    made = random.Random(seed)
    return struct.pack(f"<{count}f", *(made.uniform(-1, 1) for _ in range(count)))


def header_of(shapes, kind="F32", size=4):
    header, at = {}, 0
    for name, shape in shapes.items():
        end = at + elements(shape) * size
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, end]}
        at = end
    return header


def safetensors(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def weights(shapes):
    return safetensors(header_of(shapes), b"".join(floats(elements(s), i) for i, s in enumerate(shapes.values())))


BERT = bert_shapes()
GOOD = {"config.json": json.dumps(CONFIG), "vocab.txt": "\n".join(WORDS) + "\n", "model.safetensors": weights(BERT)}
CASES = []


def case(name, files, *, at="", make=None, options=()):
    """`files`: by name, on top of a good BERT; None removes one. `at`: the path that is converted."""
    CASES.append((name, files, at, make, options))


def config(**fields):
    return {"config.json": json.dumps(CONFIG | fields)}


def deep(open_, close, middle="1", depth=200_000):
    return open_ * depth + middle + close * depth


# --- safetensors

def damage_safetensors():
    whole = GOOD["model.safetensors"]
    size = struct.unpack("<Q", whole[:8])[0]
    for end in (0, 1, 7, 8, 9, 8 + size // 2, 8 + size - 1, 8 + size, 8 + size + 1, len(whole) // 2, len(whole) - 1):
        case(f"safetensors cut at {end}", {"model.safetensors": whole[:end]})
    case("safetensors with more bytes", {"model.safetensors": whole + b"\0" * 64})
    for claim in (0, 1, 2**31, 2**40, 2**62, 2**63, 2**64 - 1, len(whole)):
        case(f"safetensors header of {claim}", {"model.safetensors": struct.pack("<Q", claim) + whole[8:]})
    texts = {"empty": b"", "a list": b"[]", "a number": b"7", "not JSON": b"{", "not UTF-8": b'{"\xff": 1}', "deep": deep('{"a":', "}").encode(),
             "deep lists": deep("[", "]").encode(), "null": b"null", "with a NUL": b'{"a\\u0000": 1}'}
    for name, text in texts.items():
        case(f"safetensors header {name}", {"model.safetensors": safetensors(text, whole[8 + size:])})
    name = "embeddings.word_embeddings.weight"
    changes = {"no dtype": {"dtype": None}, "dtype X": {"dtype": "X9"}, "dtype 3": {"dtype": 3}, "no shape": {"shape": None},
               "negative shape": {"shape": [-13, -20]}, "shape of text": {"shape": ["13", 20]}, "shape 2^62": {"shape": [2**62, 8]},
               "shape 2^64": {"shape": [2**64, 1]}, "shape of fractions": {"shape": [1.5, 2]}, "65 dimensions": {"shape": [1] * 65},
               "no offsets": {"data_offsets": None}, "one offset": {"data_offsets": [0]}, "offsets backwards": {"data_offsets": [1040, 0]},
               "offsets beyond": {"data_offsets": [2**40, 2**40 + 1040]}, "negative offsets": {"data_offsets": [-1040, 0]},
               "offsets of text": {"data_offsets": ["0", "1040"]}, "too short": {"data_offsets": [0, 4]}, "2^64 offsets": {"data_offsets": [0, 2**64]},
               "integers": {"dtype": "I32"}, "booleans": {"dtype": "BOOL"}}
    for label, change in changes.items():
        header = header_of(BERT)
        header[name] = {k: v for k, v in (header[name] | change).items() if v is not None}
        case(f"safetensors {label}", {"model.safetensors": safetensors(header, whole[8 + size:])})
    text = json.dumps(header_of(BERT)).replace('"embeddings.LayerNorm.bias"', '"embeddings.LayerNorm.weight"')
    case("safetensors with a name twice", {"model.safetensors": safetensors(text.encode(), whole[8 + size:])})
    many = {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100_000)}
    case("safetensors of 100,000 empty tensors", {"model.safetensors": safetensors(many, b"")})
    for label, shapes in {"no layer": {k: v for k, v in BERT.items() if ".layer.1." not in k}, "no embedding": {"a": [1]},
                          "other shapes": {k: v[::-1] for k, v in BERT.items()}}.items():
        case(f"safetensors with {label}", {"model.safetensors": weights(shapes)})


# --- configs

def damage_configs():
    for label, text in {"empty": "", "a list": "[]", "text": "bert", "half": '{"model_type": "bert"', "deep": deep("[", "]"), "null": "null",
                        "not UTF-8": b'{"model_type": "\xff"}', "an LFS pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
                        "a page": "<!DOCTYPE html><html></html>", "UTF-16": "\ufeff{}".encode("utf-16")}.items():
        case(f"config.json {label}", {"config.json": text})
    case("no config.json", {"config.json": None})
    for field in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings",
                  "type_vocab_size"):
        for value in (-1, 2**31, 2**63, 1e300, 1.5, "7", [], {}, True):
            case(f"{field} {value!r}", config(**{field: value}))
    for fields in ({"hidden_act": "sparse"}, {"hidden_act": 3}, {"layer_norm_eps": -1}, {"layer_norm_eps": "a"}, {"model_type": "nobert"},
                   {"model_type": 4}, {"model_type": ""}, {"is_decoder": True}, {"add_cross_attention": True}, {"architectures": ["BertForPoetry"]},
                   {"architectures": [1]}, {"architectures": "x"}, {"position_embedding_type": "relative_key"}, {"num_attention_heads": 3},
                   {"architectures": ["BertForTokenClassification"], "num_labels": 2**40},
                   {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "5": "b"}},
                   {"architectures": ["BertForSequenceClassification"], "id2label": 7},
                   {"architectures": ["BertForSequenceClassification"], "problem_type": "poetry"},
                   {"quantization_config": {"quant_method": "unknown"}}, {"quantization_config": 3}, {"pruned_heads": {"0": [9]}}):
        case(f"config {fields}", config(**fields))


# --- tokenizers

def tokenizer(**model):
    return {"vocab.txt": None, "tokenizer.json": json.dumps({"model": {"type": "WordPiece", "unk_token": "[UNK]",
                                                                       "vocab": {w: i for i, w in enumerate(WORDS)}} | model})}


def damage_tokenizers():
    for label, text in {"empty": "", "half": '{"model": {', "a list": "[]", "without model": "{}", "deep": deep("[", "]"),
                        "model of text": '{"model": "BPE"}', "a page": "<html></html>"}.items():
        case(f"tokenizer.json {label}", {"tokenizer.json": text})
    for label, model in {"type": {"type": "Words"}, "vocab list": {"vocab": [1]}, "vocab missing": {"vocab": None}, "id negative": {"vocab": {"[UNK]": -1}},
                         "id 2^31": {"vocab": {"[UNK]": 2**31}}, "id 2^30": {"vocab": {"[UNK]": 2**30}}, "id text": {"vocab": {"[UNK]": "0"}},
                         "unk missing": {"unk_token": "nothing"}, "prefix number": {"continuing_subword_prefix": 3},
                         "word limit": {"max_input_chars_per_word": -5}}.items():
        case(f"WordPiece {label}", tokenizer(**model))
    bpe = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "unk_token": None}
    for label, merges in {"of nothing": ["x y"], "of one": ["a"], "of three": ["a b c"], "numbers": [1], "text": "a b"}.items():
        case(f"BPE merges {label}", tokenizer(**bpe, merges=merges))
    unigram = {"type": "Unigram", "vocab": [["a", 0.0]], "unk_token": None}
    for unk in (-1, 1, 2**32, 2**63, "x", 0.5):
        case(f"Unigram unk_id {unk}", tokenizer(**unigram, unk_id=unk))
    for label, vocab in {"pairs": [["a"]], "scores": [["a", "b"]], "texts": ["a"], "nothing": []}.items():
        case(f"Unigram vocab without {label}", tokenizer(**(unigram | {"vocab": vocab}), unk_id=0))
    base = json.loads(tokenizer()["tokenizer.json"])
    for label, part in {"normalizer": {"normalizer": {"type": "Rhyme"}}, "pre_tokenizer": {"pre_tokenizer": {"type": "Rhyme"}},
                        "decoder": {"decoder": {"type": "Rhyme"}}, "post_processor": {"post_processor": {"type": "Rhyme"}},
                        "regex": {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(["}, "behavior": "Isolated", "invert": False}},
                        "charsmap": {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA/w=="}},
                        "template": {"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "?", "type_id": 0}}],
                                                        "pair": [], "special_tokens": {}}},
                        "added id negative": {"added_tokens": [{"id": -1, "content": "z"}]},
                        "added text": {"added_tokens": "z"}, "truncation": {"normalizer": [1]}}.items():
        case(f"tokenizer.json {label}", {"tokenizer.json": json.dumps(base | part)})
    nested = '{"type": "Sequence", "normalizers": ['
    case("nested normalizers", {"tokenizer.json": json.dumps(base)[:-1] + ', "normalizer": ' + deep(nested, "]}", '{"type": "NFC"}', 20_000) + "}"})
    for label, text in {"empty": "", "not UTF-8": b"[UNK]\n\xff\n", "without [CLS]": "[UNK]\na\n"}.items():
        case(f"vocab.txt {label}", {"vocab.txt": text})
    for label, text in {"a list": "[]", "lower case": '{"do_lower_case": 1}', "decoder key": '{"added_tokens_decoder": {"x": {"content": "y"}}}', "unk": '{"unk_token": 7}'}.items():
        case(f"tokenizer_config.json {label}", {"tokenizer_config.json": text})
    case("added_tokens.json", {"added_tokens.json": '{"z": 4294967299}'})
    case("chat_template.jinja", {"chat_template.jinja": b"\xff\xfe"})
    for label, data in {"empty": b"", "half": b"\x0a\x05\x0a\x01", "endless": b"\x0a" + b"\xff" * 9 + b"\x7f", "no pieces": b"\x12\x00"}.items():
        case(f"SentencePiece {label}", {"vocab.txt": None, "config.json": json.dumps(CONFIG | {"tokenizer_class": "XLMRobertaTokenizer"}),
                                        "sentencepiece.bpe.model": data})


# --- sentence-transformers

def modules(*types_and_paths):
    return {"modules.json": json.dumps([{"type": "sentence_transformers.models." + kind, "path": path} for kind, path in types_and_paths]),
            "1_Pooling/config.json": '{"pooling_mode": "mean"}'}


def damage_sentence_folders():
    pooled = (("Transformer", ""), ("Pooling", "1_Pooling"))
    for label, text in {"empty": "", "an object": "{}", "texts": '["a"]', "deep": deep("[", "]")}.items():
        case(f"modules.json {label}", {"modules.json": text})
    for path in ("..", "../x", "/etc", "a/../../b", "missing", "a\0b", "1_Pooling/..", "//etc"):
        case(f"module in {path!r}", modules(*pooled, ("Dense", path)))
    for kind in ("CNN", "LSTM", "WordWeights", "BoW", "Router", "Asym"):
        case(f"module {kind}", modules(pooled[0], (kind, "x"), pooled[1]))
        case(f"first module {kind}", modules((kind, ""), pooled[1]))
    case("module of others", {"modules.json": '[{"type": "os.system", "path": ""}]'})
    for mode in ("attention", "", 3, [], ["mean"] * 1000):
        case(f"pooling_mode {str(mode)[:20]}", modules(*pooled) | {"1_Pooling/config.json": json.dumps({"pooling_mode": mode})})
    for fields in ({"word_embedding_dimension": 21}, {"unknown": 1}, {"pooling_mode_cls_token": "yes"}):
        case(f"Pooling {fields}", modules(*pooled) | {"1_Pooling/config.json": json.dumps(fields)})
    dense = {"in_features": HIDDEN, "out_features": 7, "bias": False}
    good = weights({"linear.weight": [7, HIDDEN]})
    for label, fields, data in (("no weights", {}, None), ("wide", {"in_features": 21}, good), ("tall", {"out_features": 2**40}, good),
                                ("none", {"out_features": 0}, good), ("shape", {"out_features": 8}, good), ("bias", {"bias": True}, good),
                                ("activation", {"activation_function": "torch.nn.Magic"}, good), ("half", {}, good[:-4]), ("code", {"activation_function": "os.system"}, good)):
        case(f"Dense {label}", modules(*pooled, ("Dense", "2_Dense")) |
             {"2_Dense/config.json": json.dumps(dense | fields), "2_Dense/model.safetensors": data})
    layers = {"embedding_dimension": HIDDEN, "num_hidden_layers": LAYERS, "layer_start": 1}
    for label, fields, count in (("layers", {"num_hidden_layers": 2**40}, 2), ("start", {"layer_start": -1}, 2), ("late", {"layer_start": 3}, 1),
                                 ("count", {}, 3), ("width", {"embedding_dimension": 21}, 2), ("field", {"more": 1}, 2), ("text", {"layer_start": "1"}, 2)):
        case(f"WeightedLayerPooling {label}", modules(pooled[0], ("WeightedLayerPooling", "2_W"), pooled[1]) |
             config(output_hidden_states=True) | {"2_W/config.json": json.dumps(layers | fields), "2_W/model.safetensors": weights({"layer_weights": [count]})})
    zeros = safetensors(header_of({"layer_weights": [2]}), struct.pack("<2f", 1, -1))
    case("WeightedLayerPooling of 0", modules(pooled[0], ("WeightedLayerPooling", "2_W"), pooled[1]) | config(output_hidden_states=True) |
         {"2_W/config.json": json.dumps(layers), "2_W/model.safetensors": zeros})
    for fields in ({"max_seq_length": 0}, {"max_seq_length": -3}, {"max_seq_length": "9"}, {"max_seq_length": 2**70}, {"do_lower_case": 3},
                   {"transformer_task": "poetry"}, {"modality_config": {"image": {}}}, {"model_args": {"num_hidden_layers": 1}}):
        for name in ("sentence_bert_config.json", "sentence_xlnet_config.json"):
            case(f"{name} {fields}", modules(*pooled) | {name: json.dumps(fields)})
    for fields in ({"prompts": 3}, {"prompts": {"a": 3}}, {"default_prompt_name": "nothing"}, {"model_type": "PoemEncoder"}):
        case(f"config_sentence_transformers.json {fields}", modules(*pooled) | {"config_sentence_transformers.json": json.dumps(fields)})


def static(fields, shapes, data=None, **more):
    return {"config.json": json.dumps({"model_type": "model2vec"} | fields), "model.safetensors": data or weights(shapes)} | more


def damage_static_tables():
    table = {"embeddings": [VOCABULARY, 6]}
    for fields in ({"max_length": 0}, {"max_length": -1}, {"max_length": "9"}, {"max_length": 2**70}, {"normalize": "yes"}, {"normalize": 1}):
        case(f"Model2Vec {fields}", static(fields, table))
    for label, shapes in {"no table": {"other": [3, 4]}, "vector": {"embeddings": [13]}, "no rows": {"embeddings": [0, 6]}, "no features": {"embeddings": [13, 0]},
                          "weights": table | {"weights": [12]}, "weights matrix": table | {"weights": [13, 1]}, "float mapping": table | {"mapping": [13]}}.items():
        case(f"Model2Vec {label}", static({}, shapes))
    header = {"embeddings": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}, "mapping": {"dtype": "I64", "shape": [2], "data_offsets": [48, 64]}}
    for row in (-1, 3, 2**62):
        case(f"Model2Vec mapping to {row}", static({}, {}, safetensors(header, floats(12, 1) + struct.pack("<2q", 0, row))))
    case("StaticEmbedding without a table", modules(("StaticEmbedding", "")) | {"config.json": None})


def damage_deberta():
    for fields in ({}, {"max_relative_positions": 2**40}, {"pos_att_type": 3}, {"pos_att_type": [3]}, {"relative_attention": False}, {"talking_head": True},
                   {"pooler_hidden_act": "sparse"}, {"embedding_size": -1}, {"max_relative_positions": 5}):
        case(f"deberta {fields}", {"config.json": json.dumps(DEBERTA | fields)})
    for fields in ({"conv_kernel_size": 2}, {"conv_kernel_size": -1}, {"conv_kernel_size": 2**40}, {"conv_kernel_size": 3}, {"conv_kernel_size": 3, "conv_groups": 4},
                   {"conv_kernel_size": 3, "conv_act": "sparse"}, {"position_buckets": 1}, {"position_buckets": 2**30}, {"norm_rel_ebd": 3}):
        case(f"deberta-v2 {fields}", {"config.json": json.dumps(DEBERTA | {"model_type": "deberta-v2"} | fields)})


# --- shards, links, folders

def damage_folders():
    sharded = {"model.safetensors": None}
    for label, text in {"empty": "", "a list": "[]", "no map": "{}", "map of text": '{"weight_map": "x"}', "map of numbers": '{"weight_map": {"a": 1}}',
                        "up": '{"weight_map": {"a": "../x.safetensors"}}', "root": '{"weight_map": {"a": "/etc/passwd"}}',
                        "missing": '{"weight_map": {"a": "model-1.safetensors"}}', "itself": '{"weight_map": {"a": "model.safetensors.index.json"}}',
                        "many": json.dumps({"weight_map": {f"t{i}": f"s{i}.safetensors" for i in range(20_000)}})}.items():
        case(f"index {label}", sharded | {"model.safetensors.index.json": text})
    for name in ("config.json", "model.safetensors", "vocab.txt", "spm.model", "sentence_roberta_config.json"):
        case(f"{name} links to nothing", {name: None}, make=lambda f, name=name: os.symlink("../../blobs/0", f / name))
        case(f"{name} links to itself", {name: None}, make=lambda f, name=name: os.symlink(name, f / name))
    case("config.json is a pipe", {"config.json": None}, make=lambda f: os.mkfifo(f / "config.json"))
    case("model.safetensors is a pipe", {"model.safetensors": None}, make=lambda f: os.mkfifo(f / "model.safetensors"))
    case("model.safetensors is a folder", {"model.safetensors": None}, make=lambda f: (f / "model.safetensors").mkdir())
    case("an empty folder", {name: None for name in GOOD})
    case("no folder", {}, at="nothing")
    case("a file of nothing", {"x": b""}, at="x")
    case("a text file", {"x": "hello\n" * 100}, at="x")
    case("random bytes", {"x": random.Random(1).randbytes(10_000)}, at="x")


# --- archives and pickles

def zipped(entries, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/lanewise-was-here",)


def damage_pickles():
    torch = {"model.safetensors": None}
    good = pickle.dumps({"a": 1}, protocol=2)
    pickles = {"empty": b"", "half": good[:-2], "text": b"hello", "code": pickle.dumps(Evil(), protocol=2), "stack": b"\x80\x02" + b"0" * 10 + b".",
               "deep": b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".", "memo": b"\x80\x02Nr\xff\xff\xff\x7f.", "long": b"\x80\x02\x8b\xff\xff\xff\x7f.",
               "text of 2 GB": b"\x80\x02X\xff\xff\xff\x7f.", "protocol 99": b"\x80\x63N.", "marks": b"\x80\x02" + b"(" * 100_000 + b".",
               "tuple bomb": b"\x80\x02(K\x01t" + b"q\x00(h\x00h\x00h\x00h\x00t" * 40 + b".", "number": pickle.dumps(7, protocol=2)}
    for label, data in pickles.items():
        case(f"pickle {label}", torch | {"pytorch_model.bin": zipped({"archive/data.pkl": data, "archive/version": "3"})})
        case(f"legacy pickle {label}", torch | {"pytorch_model.bin": data})
    whole = zipped({"archive/data.pkl": good, "archive/version": "3"})
    for end in (4, len(whole) // 2, len(whole) - 1, len(whole) - 10):
        case(f"zip cut at {end}", torch | {"pytorch_model.bin": whole[:end]})
    case("zip bomb", torch | {"pytorch_model.bin": zipped({"archive/data.pkl": b"\0" * 150_000_000}, zipfile.ZIP_DEFLATED)})
    case("zip of many", torch | {"pytorch_model.bin": zipped({f"archive/data/{i}": b"" for i in range(5000)})})
    case("zip that leads out", torch | {"pytorch_model.bin": zipped({"../data.pkl": good})})
    case("zip without a pickle", torch | {"pytorch_model.bin": zipped({"archive/version": "3"})})


def npy(header, data=b""):
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def damage_npz():
    folder = {"model.safetensors": None}
    headers = {"shape": "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999), }", "negative": "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
               "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "code": "__import__('os').system('true')", "type": "{'descr': '<f3', 'fortran_order': False, 'shape': (1,), }",
               "nothing": ""}
    for label, header in headers.items():
        case(f"npz {label}", folder | {"model.npz": zipped({"a.npy": npy(header, b"\0" * 16)})})
    case("npz magic", folder | {"model.npz": zipped({"a.npy": b"PYNUM" + b"\0" * 30})})


# --- GGUF

def gguf_text(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def gguf(version=3, tensors=0, pairs=(), rest=b"", count=None):
    body = b"".join(gguf_text(name) + struct.pack("<I", kind) + value for name, kind, value in pairs)
    return b"GGUF" + struct.pack("<IQQ", version, tensors, len(pairs) if count is None else count) + body + rest


def damage_gguf():
    name = ("general.architecture", 8, gguf_text("llama"))
    files = {"empty": b"GGUF", "version 99": gguf(99), "version 0": gguf(0), "many pairs": gguf(count=2**63), "many tensors": gguf(tensors=2**63),
             "nothing": gguf(), "long text": gguf(pairs=[("a", 8, struct.pack("<Q", 2**60))]), "long key": gguf(count=1, rest=struct.pack("<Q", 2**61)),
             "type 77": gguf(pairs=[("a", 77, b"")]), "long list": gguf(pairs=[("a", 9, struct.pack("<IQ", 4, 2**61))]),
             "nested lists": gguf(pairs=[("a", 9, struct.pack("<IQ", 9, 1) * 100_000)]), "alignment 0": gguf(pairs=[("general.alignment", 4, struct.pack("<I", 0)), name]),
             "alignment 3": gguf(pairs=[("general.alignment", 4, struct.pack("<I", 3)), name]), "architecture 7": gguf(pairs=[("general.architecture", 4, struct.pack("<I", 7))]),
             "architecture poem": gguf(pairs=[("general.architecture", 8, gguf_text("poem"))]), "no fields": gguf(pairs=[name]),
             "dimensions": gguf(pairs=[name], tensors=1, rest=gguf_text("a") + struct.pack("<I", 99)),
             "huge": gguf(pairs=[name], tensors=1, rest=gguf_text("a") + struct.pack("<IQQIQ", 2, 2**62, 8, 0, 0)),
             "beyond": gguf(pairs=[name], tensors=1, rest=gguf_text("a") + struct.pack("<IQIQ", 1, 32, 0, 2**50)),
             "not UTF-8": gguf(pairs=[(b"\xff", 4, struct.pack("<I", 7))]), "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0)}
    for label, data in files.items():
        case(f"GGUF {label}", {"m.gguf": data}, at="m.gguf")


# --- adapters, quantised weights

def damage_adapters():
    adapter = {name: None for name in GOOD} | {"adapter_model.safetensors": weights({"base_model.model.encoder.layer.0.output.dense.lora_A.weight": [2, INNER],
                                                                                     "base_model.model.encoder.layer.0.output.dense.lora_B.weight": [HIDDEN, 2]})}
    base = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["dense"], "base_model_name_or_path": "."}
    for fields in ({}, {"base_model_name_or_path": "nothing"}, {"base_model_name_or_path": 3}, {"r": -1}, {"r": 2**40}, {"r": 0}, {"peft_type": "POETRY"},
                   {"lora_alpha": "x"}, {"base_model_name_or_path": None}):
        case(f"adapter {fields}", adapter | {"adapter_config.json": json.dumps(base | fields)})
    case("adapter without a config", {name: None for name in GOOD} | {"adapter_model.safetensors": adapter["adapter_model.safetensors"]})
    for method in ("gptq", "awq", "bitsandbytes", "fp8"):
        for fields in ({"bits": 99}, {"bits": "4"}, {"group_size": 0}, {"group_size": 2**40}):
            case(f"{method} {fields}", config(quantization_config={"quant_method": method, "bits": 4, "group_size": 32} | fields) | {"model.safetensors": weights(
                {k: v for k, v in BERT.items() if "query.weight" not in k} | {"encoder.layer.0.attention.self.query.qweight": [3, 5]})})


# --- model files

def damage_model_files(program, root):
    source, made = root / "good", root / "good.lw"
    plant(source, {})
    subprocess.run([program, "convert", source, "-o", made, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    whole = made.read_bytes()
    size = struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8:8 + size])
    for end in (0, 8, 100, 8 + size, len(whole) // 2, len(whole) - 1):
        CASES.append((f"model file cut at {end}", {"m.lw": whole[:end]}, "m.lw", None, ("embed",)))

    def changed(label, key, value):
        other = json.loads(json.dumps(header))
        other["__metadata__"][key] = value
        CASES.append((f"model file {label}", {"m.lw": safetensors(other, whole[8 + size:])}, "m.lw", None, ("embed",)))

    metadata = header["__metadata__"]
    task = json.loads(metadata["lanewise.task"])
    for field, value in (("max_tokens", -1), ("max_text_tokens", 10**6), ("vocabulary_size", 10**9), ("max_text_characters", -4), ("left_out_id", 2**40),
                         ("similarity", "poetic"), ("prompts", 7), ("token_types", 99)):
        changed(f"task {field} {value}", "lanewise.task", json.dumps(task | {field: value}))
    changed("task deep", "lanewise.task", deep("[", "]"))
    for text in ("", "{", "[]", "{}", metadata["lanewise.graph"].replace("linear", "poem"), metadata["lanewise.graph"].replace("attention", "pool")):
        changed(f"graph {text[:10]!r}", "lanewise.graph", text)
    for text in ("", "{}", "[]", '{"a": "f9"}'):
        changed(f"formats {text!r}", "lanewise.formats", text)
    for text in ("99", "-1", "x", "99999999999999999999"):
        changed(f"version {text}", "lanewise.format", text)


def plant(folder, files, make=None):
    folder.mkdir()
    for name, data in (GOOD | files).items():
        if data is None:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    if make:
        make(folder)


def all_cases(program, root):
    """All faults: a name, files, where the model is in them, what else to do with the folder, and options. `root`: a folder
    for a model that `program` converts."""
    for damage in (damage_safetensors, damage_configs, damage_tokenizers, damage_sentence_folders, damage_static_tables,
                   damage_deberta, damage_folders, damage_pickles, damage_npz, damage_gguf, damage_adapters):
        damage()
    damage_model_files(program, root)
    return CASES
