#!/usr/bin/env python3
"""Writes tests/data/sentence_transformers/golden.json: the embeddings of sentence-transformers 6 with small folders.

    python make_sentence_golden.py [--output FILE]

A case has `files`, what the folder's JSON files say; `tensors`, for each file of weights the shapes by name, whose values
are a function of folder and name (see `weight`), which the test computes again; and `results`: for each prompt's name, ""
being none, the `embeddings` of `texts`. The folders are as sentence-transformers 6 saves them, or, where a name begins with
`old`, in the spelling of its versions 2 and 3. All but T5's have the tokenizer of `vocabulary`, as vocab.txt.
"""

import argparse
import json
import math
import pathlib
import tempfile

import numpy as np
import tokenizers
import torch
import transformers
from make_torch_transformer_golden import hashes
from safetensors import safe_open
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules

HERE = pathlib.Path(__file__).resolve().parent
HIDDEN, POSITIONS = 20, 24
TEXTS = ["boat", "a quick lamp on the water", "the boat, the lamp and the quick water on a boat. lamp",
         "Query: the LAMP on a b\u00d4at"]
VOCABULARY = ("[PAD] [UNK] [CLS] [SEP] [MASK] a boat lamp the quick on and water query passage : , . ##s ##er wat "
              "find texts about").split()  # fmt: skip
CONFIG = {"vocab_size": len(VOCABULARY), "hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 4,
          "intermediate_size": 36, "max_position_embeddings": POSITIONS, "type_vocab_size": 2}  # fmt: skip
T5_CONFIG = {"vocab_size": len(VOCABULARY), "d_model": HIDDEN, "d_kv": 6, "d_ff": 30, "num_heads": 3, "num_layers": 2,
             "relative_attention_num_buckets": 8, "relative_attention_max_distance": 10}  # fmt: skip
OLD = "sentence_transformers.models."
OLD_MODES = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
PROMPTS = {"query": "query: ", "passage": "passage: the ", "empty": ""}


def weight(name, shape):
    """Uniform numbers of 24 bits in [-1, 1), times a power of two; norms around 1."""
    whole = (hashes(name, math.prod(shape)) >> np.uint64(8)).astype(np.int64) - 2**23
    x = whole.astype(np.float32) * np.float32(2**-23)
    norm = "norm" in name.lower() and name.endswith("weight")
    x = np.float32(1) + x * np.float32(0.25) if norm else x * np.float32(0.5)
    return torch.from_numpy(x.reshape(shape))


def set_weights(module, folder):
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(weight(f"{folder}/{name}" if folder else name, tuple(parameter.shape)))


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2))


def make_transformer(folder):
    model = transformers.BertModel(transformers.BertConfig(**CONFIG), add_pooling_layer=False).eval()
    set_weights(model, "")
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return modules.Transformer(str(folder))


def make_t5(folder):
    """An encoder with a tokenizer of words, `,` standing for the end of a text."""
    model = transformers.T5EncoderModel(transformers.T5Config(**T5_CONFIG)).eval()
    set_weights(model, "")
    model.save_pretrained(folder)
    vocabulary = {token: number for number, token in enumerate(VOCABULARY)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing("$A ,", "$A , $B ,", [(",", vocabulary[","])])
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]",
                                         model_max_length=9).save_pretrained(folder)  # fmt: skip
    return modules.Transformer(str(folder))


def new_folder(folder, transformer, parts, **arguments):
    """Saved as by version 6."""
    for number, part in enumerate(parts, 1):
        set_weights(part, f"{number}_{type(part).__name__}")
    SentenceTransformer(modules=[transformer, *parts], device="cpu", **arguments).save(str(folder), create_model_card=False)


def old_folder(folder, bert, modes, rest=(), path="", lower=True):
    """As versions 2 and 3 did, `path` being what modules.json says of the Transformer; `rest` has (class, config)."""
    bert.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    transformers.BertTokenizer(str(folder / "vocab.txt"), do_lower_case=lower).save_pretrained(folder)
    write_json(folder / "1_Pooling/config.json",
               {"word_embedding_dimension": HIDDEN, **{f"pooling_mode_{mode}": mode in modes for mode in OLD_MODES}})
    entries = [("Transformer", path), ("Pooling", "1_Pooling")]
    entries += [(kind, f"{number}_{kind}") for number, (kind, _) in enumerate(rest, 2)]
    write_json(folder / "modules.json", [{"idx": number, "name": str(number), "path": where, "type": OLD + kind}
                                         for number, (kind, where) in enumerate(entries)])
    for number, (kind, config) in enumerate(rest, 2):
        (folder / f"{number}_{kind}").mkdir()
        if config is None:
            continue
        write_json(folder / f"{number}_{kind}/config.json", config)
        shape = (config["out_features"], config["in_features"])
        tensors = {"linear.weight": weight(f"{number}_{kind}/linear.weight", shape)}
        if config["bias"]:
            tensors["linear.bias"] = weight(f"{number}_{kind}/linear.bias", shape[:1])
        save_file(tensors, folder / f"{number}_{kind}/model.safetensors")


def folders(root):
    """Makes the folders, and yields their names with the prompts to ask for."""
    base = root / "base"
    transformer = make_transformer(base)
    bert = transformers.BertModel.from_pretrained(base, add_pooling_layer=False)
    pooling = lambda mode, dimension=HIDDEN, **more: modules.Pooling(dimension, mode, **more)  # noqa: E731
    dense = modules.Dense

    for mode in ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"):
        new_folder(root / mode, transformer, [pooling(mode)])
        yield mode, [""]
    new_folder(root / "joined", transformer, [pooling(["lasttoken", "mean", "cls"]), modules.Normalize()])
    yield "joined", [""]
    new_folder(root / "dense", transformer,
               [pooling("mean"), dense(HIDDEN, 11), modules.Normalize(), dense(11, 7, False, torch.nn.GELU())])
    yield "dense", [""]
    new_folder(root / "residual", transformer,
               [pooling(("max", "cls")), modules.LayerNorm(2 * HIDDEN), modules.Dropout(0.3),
                dense(2 * HIDDEN, 9, True, torch.nn.ReLU(), use_residual=True),
                dense(9, 9, True, torch.nn.SiLU(), use_residual=True), modules.Normalize(), modules.Normalize()])
    yield "residual", [""]
    new_folder(root / "prompts", transformer, [pooling("mean"), modules.Normalize()], prompts=PROMPTS,
               default_prompt_name="query")
    yield "prompts", [None, "query", "passage", "empty", "document"]
    transformer.max_seq_length = 6
    new_folder(root / "short", transformer, [pooling("mean")], prompts=PROMPTS)
    yield "short", [None, "passage"]

    new_folder(root / "t5", make_t5(root / "t5_base"),
               [pooling("mean"), dense(HIDDEN, 15, False, torch.nn.Identity()), modules.Normalize()], prompts=PROMPTS)
    yield "t5", [None, "passage"]

    old_folder(root / "old", bert, ["mean_tokens"], [("Normalize", None)])
    yield "old", [""]
    old_folder(root / "old_joined", bert, OLD_MODES, path=".")
    write_json(root / "old_joined/sentence_bert_config.json", {"max_seq_length": 9, "do_lower_case": False})
    yield "old_joined", [""]
    old_folder(root / "old_dense", bert, ["cls_token"], [
        ("Dense", {"in_features": HIDDEN, "out_features": 13, "bias": True,
                   "activation_function": "torch.nn.modules.activation.Tanh"}),
        ("Dense", {"in_features": 13, "out_features": 5, "bias": False,
                   "activation_function": "torch.nn.modules.linear.Identity"}), ("Normalize", None)])  # fmt: skip
    write_json(root / "old_dense/sentence_roberta_config.json", {"max_seq_length": 128, "do_lower_case": False})
    write_json(root / "old_dense/config_sentence_transformers.json",
               {"__version__": {"sentence_transformers": "2.2.2"}, "prompts": {"web": "find texts about "},
                "default_prompt_name": None})
    yield "old_dense", [None, "web"]
    for lower in (False, True):  # the tokenizer's own setting
        name = "old_lower" if lower else "old_cased"
        old_folder(root / name, bert, ["mean_tokens"], lower=lower)
        write_json(root / f"{name}/sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": True})
        yield name, [""]


def files_of(folder):
    """The files that the test writes: JSON except BERT's tokenizer.json, whose vocabulary is in vocab.txt."""
    files, tensors = {}, {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as weights:
                tensors[name] = {key: weights.get_slice(key).get_shape() for key in sorted(weights.keys())}
        elif path.name == "tokenizer_config.json":
            said = json.loads(path.read_text())
            files[name] = {key: said[key] for key in ("model_max_length", "do_lower_case") if key in said}
        elif path.suffix == ".json" and (path.name != "tokenizer.json" or folder.name == "t5"):
            files[name] = json.loads(path.read_text())
    return files, tensors


def embed(model, prompt):
    arguments = {} if prompt is None or prompt == "" else {"prompt_name": prompt}
    return [[float(f"{x:.8g}") for x in row] for row in model.encode(TEXTS, batch_size=1, **arguments).tolist()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path,
                        default=HERE.parent / "data" / "sentence_transformers" / "golden.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cases = {}
    with tempfile.TemporaryDirectory() as root:
        for name, prompts in folders(pathlib.Path(root)):
            model = SentenceTransformer(str(pathlib.Path(root) / name), device="cpu")
            files, tensors = files_of(pathlib.Path(root) / name)
            results = {prompt or "": embed(model, prompt) for prompt in prompts}
            cases[name] = {"files": files, "tensors": tensors, "results": results}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{json.dumps(name)}: {json.dumps(case, separators=(',', ':'))}" for name, case in cases.items()]
    arguments.output.write_text(
        f'{{"texts": {json.dumps(TEXTS)},\n"vocabulary": {json.dumps(VOCABULARY)},\n"cases": {{\n'
        + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main()
