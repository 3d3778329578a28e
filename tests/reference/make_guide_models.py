#!/usr/bin/env python3
"""Writes tests/data/guide: checkpoints of a few kilobytes on which the programs in docs/ run.

    python make_guide_models.py

Their weights are random, so what they say means nothing.
"""

import json
import pathlib

import numpy as np
from safetensors.numpy import save_file

DATA = pathlib.Path(__file__).parent.parent / "data"
OUT = DATA / "guide"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
BERT_VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *("##" + letter for letter in LETTERS), ".", ",", "?"]
HIDDEN = 16


def write_json(folder, name, contents):
    (folder / name).write_text(json.dumps(contents, indent=1) + "\n")


def tensors_of(shapes, seed):
    random = np.random.default_rng(seed)
    # f16 in the file: half the size, and all families read it.
    return {name: (1.0 + 0.1 * random.standard_normal(shape) if name.endswith(("norm.weight", "LayerNorm.weight"))
                   else 0.3 * random.standard_normal(shape)).astype(np.float16) for name, shape in shapes.items()}


def bert_shapes():
    shapes = {"embeddings.word_embeddings.weight": (len(BERT_VOCABULARY), HIDDEN),
              "embeddings.position_embeddings.weight": (64, HIDDEN),
              "embeddings.token_type_embeddings.weight": (2, HIDDEN)}
    layer = "encoder.layer.0."
    for name, out, into in [("attention.self.query", HIDDEN, HIDDEN), ("attention.self.key", HIDDEN, HIDDEN),
                            ("attention.self.value", HIDDEN, HIDDEN), ("attention.output.dense", HIDDEN, HIDDEN),
                            ("intermediate.dense", 2 * HIDDEN, HIDDEN), ("output.dense", HIDDEN, 2 * HIDDEN)]:
        shapes[layer + name + ".weight"] = (out, into)
        shapes[layer + name + ".bias"] = (out,)
    for norm in ["embeddings.LayerNorm", layer + "attention.output.LayerNorm", layer + "output.LayerNorm"]:
        shapes[norm + ".weight"] = (HIDDEN,)
        shapes[norm + ".bias"] = (HIDDEN,)
    return shapes


def write_bert(name, config, shapes, seed):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder, "config.json", {
        "model_type": "bert", "hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 2 * HIDDEN, "max_position_embeddings": 64, "vocab_size": len(BERT_VOCABULARY)} | config)
    (folder / "vocab.txt").write_text("\n".join(BERT_VOCABULARY) + "\n")
    write_json(folder, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    save_file(tensors_of(shapes, seed), folder / "model.safetensors")
    return folder


def write_embedder():
    folder = write_bert("embedder", {"architectures": ["BertModel"]}, bert_shapes(), 1)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    write_json(folder, "modules.json", [
        {"type": "sentence_transformers.models.Transformer", "path": ""},
        {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
        {"type": "sentence_transformers.models.Normalize", "path": "2"}])
    write_json(folder / "1_Pooling", "config.json", {"pooling_mode_mean_tokens": True})


def write_classifier():
    shapes = {"bert." + name: shape for name, shape in bert_shapes().items()}
    shapes |= {"bert.pooler.dense.weight": (HIDDEN, HIDDEN), "bert.pooler.dense.bias": (HIDDEN,),
               "classifier.weight": (2, HIDDEN), "classifier.bias": (2,)}
    write_bert("classifier", {"architectures": ["BertForSequenceClassification"],
                              "id2label": {"0": "NEGATIVE", "1": "POSITIVE"}}, shapes, 2)


def write_decoder():
    folder = OUT / "decoder"
    folder.mkdir(parents=True, exist_ok=True)
    files = json.loads((DATA / "chat" / "folders.json").read_text())[0]["files"]
    for name, contents in files.items():
        write_json(folder, name, contents)
    vocabulary = len(files["tokenizer.json"]["model"]["vocab"])
    write_json(folder, "config.json", {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": HIDDEN, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 2 * HIDDEN, "max_position_embeddings": 256,
        "vocab_size": vocabulary, "eos_token_id": 2, "bos_token_id": 1, "tie_word_embeddings": True})
    shapes = {"model.embed_tokens.weight": (vocabulary, HIDDEN), "model.norm.weight": (HIDDEN,)}
    layer = "model.layers.0."
    for name, out, into in [("self_attn.q_proj", HIDDEN, HIDDEN), ("self_attn.k_proj", HIDDEN, HIDDEN),
                            ("self_attn.v_proj", HIDDEN, HIDDEN), ("self_attn.o_proj", HIDDEN, HIDDEN),
                            ("mlp.gate_proj", 2 * HIDDEN, HIDDEN), ("mlp.up_proj", 2 * HIDDEN, HIDDEN),
                            ("mlp.down_proj", HIDDEN, 2 * HIDDEN)]:
        shapes[layer + name + ".weight"] = (out, into)
    for norm in ["input_layernorm", "post_attention_layernorm"]:
        shapes[layer + norm + ".weight"] = (HIDDEN,)
    save_file(tensors_of(shapes, 3), folder / "model.safetensors")


if __name__ == "__main__":
    write_embedder()
    write_classifier()
    write_decoder()
