#!/usr/bin/env python3
"""Writes tests/data/hf_encoders/: encoders at odd sizes, most of them with a head.

    python make_hf_encoder_golden.py [--output FOLDER] [VARIANT...]

As make_hf_decoder_golden.py: `models.json` has configs and the tensors' shapes, and the weights are a function of their
names. VARIANT.safetensors has the vectors of the tokens of some sequences, each computed alone, and what the head makes
of them. Variants named `published` are computed by check_encoders.py, because Transformers does not have that code.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
import transformers
from check_encoders import gte, jina, nomic
from make_hf_seq2seq_golden import tokens, weight
from make_torch_transformer_golden import padded
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
LENGTHS = (29, 1, 12)

SIZES = {"vocab_size": 61, "hidden_size": 36, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 44,
         "max_position_embeddings": 40}  # fmt: skip
TYPED = {**SIZES, "type_vocab_size": 2}
ROBERTA = {**SIZES, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}

# The end of the class, and the config.
VARIANTS = {
    "roberta": ("ForSequenceClassification", {"model_type": "roberta", "num_labels": 3, **ROBERTA}),
    "xlm_roberta": ("ForTokenClassification", {"model_type": "xlm-roberta", "num_labels": 3, **ROBERTA}),
    "camembert": ("ForMaskedLM", {"model_type": "camembert", **ROBERTA}),
    "distilbert": ("ForMaskedLM", {"model_type": "distilbert", "vocab_size": 61, "dim": 36, "n_layers": 2, "n_heads": 6,
                                   "hidden_dim": 44, "max_position_embeddings": 40}),
    "electra": ("ForMaskedLM", {"model_type": "electra", "embedding_size": 20, **TYPED}),
    "albert": ("ForMaskedLM", {"model_type": "albert", "embedding_size": 20, **TYPED, "num_hidden_layers": 3,
                               "num_hidden_groups": 2, "inner_group_num": 2}),
    "mpnet": ("ForQuestionAnswering", {"model_type": "mpnet", **SIZES, "pad_token_id": 1, "bos_token_id": 0,
                                       "eos_token_id": 2}),
    "modernbert": ("ForSequenceClassification", {
        "model_type": "modernbert", **SIZES, "num_hidden_layers": 4, "local_attention": 8, "num_labels": 3,
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}),
    "nomic_bert": ("ForSequenceClassification", {"model_type": "nomic_bert", "num_labels": 3, "pad_token_id": 0, **TYPED}),
    "gte": ("ForMaskedLM", {"model_type": "gte", "pad_token_id": 0, **TYPED, "type_vocab_size": 1}),
    "deberta_v2": ("ForSequenceClassification", {
        "model_type": "deberta-v2", **SIZES, "num_labels": 3, "type_vocab_size": 0, "relative_attention": True,
        "position_buckets": 12, "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False}),
    "deberta_v2_wide": ("ForMaskedLM", {
        "model_type": "deberta-v2", **TYPED, "relative_attention": True, "max_relative_positions": 9,
        "pos_att_type": "c2p|p2c", "legacy": False}),
    "deberta_v2_conv": ("ForTokenClassification", {
        "model_type": "deberta-v2", **SIZES, "num_labels": 3, "type_vocab_size": 0, "relative_attention": True,
        "position_buckets": 12, "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False, "conv_kernel_size": 3, "conv_act": "gelu"}),
    "deberta": ("ForMaskedLM", {
        "model_type": "deberta", **TYPED, "relative_attention": True, "max_relative_positions": 9,
        "pos_att_type": "c2p|p2c", "position_biased_input": False}),
    "roformer": ("ForMaskedLM", {"model_type": "roformer", "embedding_size": 20, "rotary_value": True, **TYPED}),
}  # fmt: skip

PUBLISHED = {
    "nomic_published": lambda: nomic({"rotary_emb_fraction": 0.6, "rotary_emb_interleaved": True}),
    "gte_published": lambda: gte({"rope_scaling": {"type": "ntk", "factor": 8.0}}),
    "jina_published": lambda: jina({}),
    "jina_published_norms": lambda: jina({"feed_forward_type": "reglu"}, second=True),
}


def make_model(end, config):
    fields = {key: value for key, value in json.loads(json.dumps(config)).items() if key != "model_type"}
    settings = transformers.AutoConfig.for_model(config["model_type"], **fields)
    maker = {"ForMaskedLM": "AutoModelForMaskedLM"}.get(end, "AutoModel" + end)
    model = getattr(transformers, maker).from_config(settings, attn_implementation="eager").eval()
    # A tied parameter has the first of its names in which the embedding comes before a head. RoFormer's table of sines and
    # cosines is a parameter, but never trained.
    names = sorted(model.named_parameters(remove_duplicate=False), key=lambda pair: "embeddings." not in pair[0])
    named, known = {}, set()
    for key, value in names:
        if "embed_positions" not in key and id(value) not in known:
            named[key] = value
        known.add(id(value))
    for name, value in named.items():
        value.data.copy_(torch.from_numpy(weight(name, tuple(value.shape), 0)))
    return model, {key: list(value.shape) for key, value in named.items()}


def outputs_of(model, row):
    ids = torch.tensor([row])
    found = {"last_hidden_state": model.base_model(input_ids=ids).last_hidden_state[0]}
    made = model(input_ids=ids)
    for key in ("logits", "start_logits", "end_logits"):
        if (value := getattr(made, key, None)) is not None:
            found[key] = value[0]
    return found


def golden(compute, vocabulary):
    """Rows of tokens are followed by zeros where others are longer."""
    rows = [tokens(f"sequence {i}", n, vocabulary) for i, n in enumerate(LENGTHS)]
    found = [{key: value.float().numpy() for key, value in compute(row).items()} for row in rows]
    result = {"input_ids": padded(rows, max(LENGTHS), 0),
              "attention_mask": padded([[1] * len(row) for row in rows], max(LENGTHS), 0)}  # fmt: skip
    for key, first in found[0].items():
        of_tokens = len(first) == len(rows[0])
        result[key] = np.zeros((len(rows), max(LENGTHS) if of_tokens else len(first), *first.shape[1:]), np.float32)
        for i, values in enumerate(found):
            result[key][i, : len(values[key])] = values[key]
    return result


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "hf_encoders")
    parser.add_argument("variants", nargs="*", default=[*VARIANTS, *PUBLISHED])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    arguments.output.mkdir(parents=True, exist_ok=True)
    models = {}

    def add(name, config, shapes, compute):
        models[name] = {"config": config, "generation_config": None, "tensors": shapes}
        if name in arguments.variants:
            save_file(golden(compute, config["vocab_size"]), arguments.output / f"{name}.safetensors")
            print(name)

    for name, (end, config) in VARIANTS.items():
        model, shapes = make_model(end, config)
        add(name, config | {"architectures": [type(model).__name__]}, shapes, lambda row: outputs_of(model, row))
    for name, make in PUBLISHED.items():
        config, tensors, run, _ = make()
        shapes = {key: list(value.shape) for key, value in tensors.items()}
        weights = {key: torch.from_numpy(weight(key, tuple(shape), 0)).double() for key, shape in shapes.items()}
        add(name, config, shapes,
            lambda row: {"last_hidden_state": run(weights, input_ids=torch.tensor([row]))})  # fmt: skip
    lines = (f" {json.dumps(name)}: {json.dumps(model)}" for name, model in models.items())
    (arguments.output / "models.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
