#!/usr/bin/env python3
"""Checks that folders of sentence-transformers around every encoder give its embeddings.

    python check_sentence_encoders.py PROGRAM

A small model of each family with random weights and a small tokenizer of the kind that published models have, pooled by its first token or
the mean, normalised, texts cut at 24 tokens; and the same with a weighted mean of the hidden states behind it (WeightedLayerPooling).
Saved by sentence-transformers, converted, and the embeddings of 200 lines compared: within 2e-5 of the largest magnitude. Texts are lines that Transformers 5 tokenizes as its earlier versions do.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import sentence_transformers
import torch
import transformers
from check_encoder_tokenizers import albert_pieces, bpe_pieces, mpnet_files
from check_encoders import randomise
from check_saved_tokenizers import byte_level_files, wordpiece_files
from make_subword_golden import training_text
from sentence_transformers import models
from sentence_transformers.sentence_transformer.modules import WeightedLayerPooling

TOLERANCE = 2e-5
SIZES = {"hidden_size": 60, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 44, "max_position_embeddings": 64}

# The files of the tokenizer, its class, the model_type, the pooling, fields.
KINDS = {
    "bert": (wordpiece_files, "BertTokenizer", "bert", "cls", {}),
    "multilingual bert": (bpe_pieces, "XLMRobertaTokenizer", "bert", "mean", {}),
    "roberta": (byte_level_files, "RobertaTokenizer", "roberta", "mean", {"type_vocab_size": 1}),
    "xlm-roberta": (bpe_pieces, "XLMRobertaTokenizer", "xlm-roberta", "cls", {"type_vocab_size": 1}),
    "camembert": (bpe_pieces, "CamembertTokenizer", "camembert", "mean", {"type_vocab_size": 1}),
    "distilbert": (wordpiece_files, "BertTokenizer", "distilbert", "mean",
                   {"dim": 60, "n_layers": 2, "n_heads": 6, "hidden_dim": 44}),
    "electra": (wordpiece_files, "ElectraTokenizer", "electra", "mean", {"embedding_size": 28}),
    "albert": (albert_pieces, "AlbertTokenizer", "albert", "mean", {"embedding_size": 28}),
    "mpnet": (mpnet_files, "MPNetTokenizer", "mpnet", "mean", {}),
    "modernbert": (byte_level_files, "RobertaTokenizer", "modernbert", "cls",
                   {"local_attention": 8, "num_hidden_layers": 4, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
                    "cls_token_id": 0, "sep_token_id": 2}),
    "nomic_bert": (wordpiece_files, "BertTokenizer", "nomic_bert", "mean", {"pad_token_id": 0}),
    "gte": (bpe_pieces, "XLMRobertaTokenizer", "gte", "cls", {}),
}


def weighted_layers(layers):
    """A module that begins with the second state, and weighs them differently."""
    module = WeightedLayerPooling(60, num_hidden_layers=layers, layer_start=1)
    with torch.no_grad():
        module.layer_weights.copy_(torch.linspace(0.5, 2.0, layers))
    return module


def save(folder, files, class_name, model_type, pooling, fields, training, weighted):
    files(folder, training)
    tokenizer = getattr(transformers, class_name).from_pretrained(folder)
    for path in folder.iterdir():
        path.unlink()
    tokenizer.save_pretrained(folder)
    config = transformers.AutoConfig.for_model(model_type, **(SIZES | {"vocab_size": len(tokenizer)} | fields))
    config.output_hidden_states = weighted
    torch.manual_seed(3)
    model = transformers.AutoModel.from_config(config)
    randomise(model.named_parameters())
    model.save_pretrained(folder)
    transformer = models.Transformer(str(folder), max_seq_length=24)
    modules = [transformer, models.Pooling(60, pooling), models.Normalize()]
    if weighted:
        modules.insert(1, weighted_layers(config.num_hidden_layers))
    return sentence_transformers.SentenceTransformer(modules=modules, device="cpu")


def embed(program, folder, texts):
    done = subprocess.run([program, "embed", folder, "--input", "-", "--json", "--quiet"], capture_output=True,
                          input="".join(text + "\n" for text in texts).encode())
    if done.returncode:
        raise RuntimeError(done.stderr.decode().strip())
    return torch.tensor([json.loads(line)["embedding"] for line in done.stdout.decode().split("\n")[:-1]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    training = training_text()
    texts = [line for line in training if line.isascii() and line.strip()][:200]
    wrong = 0
    cases = [(name + label, kind, weighted) for name, kind in KINDS.items()
             for label, weighted in (("", False), (" weighted layers", True))]
    for name, kind, weighted in cases:
        with tempfile.TemporaryDirectory() as work:
            folder, target = pathlib.Path(work) / "model", pathlib.Path(work) / "sentences"
            folder.mkdir()
            whole = save(folder, *kind, training, weighted)
            whole.save(str(target))
            expected = torch.from_numpy(whole.encode(texts))
            try:
                found = embed(arguments.program, target, texts)
                error = ((found - expected).abs().max() / expected.abs().max()).item()
                ok, text = error <= TOLERANCE, f"{len(texts)} texts, {error:.1e}"
            except RuntimeError as failure:
                ok, text = False, str(failure)
            wrong += not ok
            print("ok   " if ok else "WRONG", name, text, flush=True)
    print("wrong:", wrong)
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
