#!/usr/bin/env python3
"""Checks `lanewise run` against PyTorch on folders as users' tools write them.

    python check_folders.py PROGRAM

Saves small models in the forms below and compares their outputs with those of the module itself; invalid ones must be
refused with a message that names the reason. Prints one line for each, and fails if any is wrong.

    objects in pickles, roots and levels; names of trainers' files; wrappers in names; safetensors.torch.save_model();
    unsupported types; PEFT's adapters; weight norm and pruning; pruned heads (Transformers 4 writes them);
    Python's NaN and byte-order marks in config.json
"""

import argparse
import collections
import copy
import enum
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file, save_model
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm
from transformers import (BartConfig, BartForConditionalGeneration, BertConfig, BertModel, MarianConfig, MarianMTModel,
                          T5Config, T5ForConditionalGeneration)

IDS = torch.tensor([[2, 5, 6, 7, 3]])
DECODER_IDS = torch.tensor([[0, 5, 6]])
TOLERANCE = 1e-4
BERT = BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
                  max_position_embeddings=32)
PREFIXES = ["module.", "_orig_mod.", "model.", "model._orig_mod.", "base_model.model.", "net.", "_forward_module."]


class Own:
    def __init__(self):
        self.x = {"w": torch.ones(2)}


class OwnDict(dict):
    pass


class Phase(enum.Enum):
    ONE = 1


class Encoder(torch.nn.Module):
    """The module that `torch_transformer_encoder` reads."""

    def __init__(self):
        super().__init__()
        layer = torch.nn.TransformerEncoderLayer(16, 4, 24, batch_first=True)
        self.embedding = torch.nn.Embedding(20, 16)
        self.encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = torch.nn.Linear(16, 5)

    def forward(self, ids):
        places = torch.arange(ids.shape[1])[:, None] * torch.exp(-torch.arange(0, 16, 2) * numpy.log(10000) / 16)
        table = torch.stack([places.sin(), places.cos()], 2).reshape(ids.shape[1], 16)
        return self.out(self.encoder(self.embedding(ids) * 4 + table.float()))


class Checker:
    def __init__(self, program, root):
        self.program, self.root, self.count, self.wrong = program, pathlib.Path(root), 0, 0

    def folder(self, config):
        self.count += 1
        folder = self.root / str(self.count)
        folder.mkdir()
        if isinstance(config, dict):
            (folder / "config.json").write_text(json.dumps(config))
        elif config is not None:
            config.save_pretrained(folder)
        return folder

    def say(self, ok, name, text=""):
        self.wrong += not ok
        print("ok   " if ok else "WRONG", name, text)

    def compare(self, name, source, inputs, output, expected, stderr=""):
        save_file(inputs, self.root / "in.safetensors")
        out = self.root / "out.safetensors"
        out.unlink(missing_ok=True)
        run = subprocess.run([self.program, "run", source, "--inputs", self.root / "in.safetensors", "--outputs", out],
                             capture_output=True, text=True)
        if run.returncode or stderr not in run.stderr:
            return self.say(False, name, run.stderr)
        error = float((load_file(out)[output] - expected).abs().max())
        self.say(error < TOLERANCE, name, f"{error:.1e}")

    def refused(self, name, source, *parts):
        run = subprocess.run([self.program, "convert", source, "-o", self.root / "x.lw"], capture_output=True, text=True)
        self.say(run.returncode == 1 and all(part in run.stderr for part in parts), name,
                 run.stderr.strip().splitlines()[-1])


def save(state, path, **options):
    if str(path).endswith(".safetensors"):
        save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, path, **options)
    else:
        torch.save(state, path, **options)


def objects():
    return dict(args=argparse.Namespace(lr=1, path=pathlib.Path("/x")), version=torch.__version__, phase=Phase.ONE,
                array=numpy.zeros(3), scalar=numpy.float64(1), partial=functools.partial(print, 1), own=Own(),
                layout=torch.strided, default=collections.defaultdict(list, a=[1]), named=OwnDict(a=1))


def check_pickles(checker, bert, model):
    state = model.state_dict()
    other = {name: tensor + 1 for name, tensor in state.items()}
    optimizer = torch.optim.AdamW(model.parameters()).state_dict()
    forms = {
        "beside objects": {"state_dict": {"model." + name: tensor for name, tensor in state.items()}, **objects()},
        "two levels": {"checkpoint": {"model": state, "optimizer": optimizer}, "stats": {"mean": torch.ones(1)}},
        "three levels": {"a": {"b": {"state_dict": state}}}, "a tuple": (state, 3), "a list": [state, None],
        "a tuple of dicts": (3, {"model_state_dict": state}, Own()), "pairs": list(state.items()),
        "own class of dicts": OwnDict(state), "averages": {"model": state, "ema": other},
        "whole model beside": {"module_itself": model, "state_dict": state}}
    for name, form in forms.items():
        for zipped in (True, False):
            for file in ("w.pt", "last.ckpt", "model_best.pth.tar"):
                for protocol in (1, 2, 5):
                    folder = checker.folder(BERT)
                    save(form, folder / file, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
                    bert(f"{name}, {file}, {'zip' if zipped else 'legacy'}, protocol {protocol}", folder)
                    bert(f"{name}, {file} itself", folder / file)
    for name, form in {"a whole model": model, "a whole model in a dict": {"model": model}}.items():
        folder = checker.folder(BERT)
        save(form, folder / "w.pt")
        checker.refused(name, folder, "BertModel", "state_dict()")


def check_names(checker, bert, model):
    state = model.state_dict()
    forms = {prefix: {prefix + name: tensor for name, tensor in state.items()} for prefix in PREFIXES}
    forms["in the middle"] = {
        name.replace("layer.0.", "layer.0._checkpoint_wrapped_module.").replace("layer.1.", "layer.1._orig_mod."): tensor
        for name, tensor in state.items()}
    for name, form in forms.items():
        folder = checker.folder(BERT)
        save(form, folder / "model.safetensors")
        bert("names: " + name, folder)
    folder = checker.folder(BERT)
    save({**state, **forms["module."]}, folder / "model.safetensors")
    checker.refused("names: twice", folder, "'embeddings.LayerNorm.bias'", "'module.embeddings.LayerNorm.bias'")


def check_types(checker, bert, model):
    for name in ("uint16", "uint32", "uint64", "float8_e5m2", "complex64", "bool", "int8"):
        bias = torch.zeros(16).to(getattr(torch, name))
        for file in ("model.safetensors", "pytorch_model.bin"):
            folder = checker.folder(BERT)
            save({**model.state_dict(), "x.scale": bias}, folder / file)
            bert(f"unused {name} in {file}", folder)
            save({**model.state_dict(), "encoder.layer.0.output.dense.bias": bias}, folder / file)
            checker.refused(f"used {name} in {file}", folder, "'encoder.layer.0.output.dense.bias'")


def check_adapters(checker, bert, model):
    from peft import LoraConfig, get_peft_model
    for options in (dict(target_modules=["query", "value"]), dict(target_modules=["query", "dense"], use_dora=True),
                    dict(target_modules=["word_embeddings", "key"])):
        adapted = get_peft_model(copy.deepcopy(model), LoraConfig(r=2, **options))
        folder = checker.folder(BERT)
        save(adapted.state_dict(), folder / "pytorch_model.bin")
        bert(f"adapter {options}", folder, stderr="lanewise: warning: ")
        folder = checker.folder(BERT)
        adapted.save_pretrained(folder)
        checker.refused("adapter alone", folder, "adapter", "--base")
        model.save_pretrained(folder)
        bert("adapter beside its model", folder, stderr="lanewise: warning: ")


def check_parametrizations(checker, bert, model):
    kinds = {"weight_norm": weight_norm, "weight_norm, dim 1": lambda layer: weight_norm(layer, dim=1),
             "weight_norm of all": lambda layer: weight_norm(layer, dim=None),
             "new weight_norm": parametrizations.weight_norm,
             "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.3),
             "pruned bias": lambda layer: prune.random_unstructured(layer, "bias", 0.5),
             "pruned rows": lambda layer: prune.ln_structured(layer, "weight", 0.4, 2, 0)}
    for name, apply in kinds.items():
        changed = copy.deepcopy(model)
        for layer in changed.encoder.layer:
            apply(layer.intermediate.dense)
            apply(layer.attention.self.query)
        with torch.no_grad():
            for parameter in changed.parameters():
                parameter.mul_(1.1)
        for prefix, file in (("", "pytorch_model.bin"), ("module.", "model.safetensors")):
            folder = checker.folder(BERT)
            save({prefix + key: tensor for key, tensor in changed.state_dict().items()}, folder / file)
            bert(f"{name}, {file}", folder, changed)
    for name, apply in {"spectral_norm": spectral_norm, "new spectral_norm": parametrizations.spectral_norm}.items():
        changed = copy.deepcopy(model)
        apply(changed.encoder.layer[0].output.dense)
        folder = checker.folder(BERT)
        save(changed.state_dict(), folder / "pytorch_model.bin")
        checker.refused(name, folder, "'encoder.layer.0.output.dense.weight'", "parametrization")
    if hasattr(model, "prune_heads"):
        for heads in ({0: [1]}, {0: [0, 3], 1: [2]}, {1: [0, 1, 2]}):
            changed = copy.deepcopy(model)
            changed.prune_heads(heads)
            folder = checker.folder(None)
            changed.save_pretrained(folder)
            bert(f"pruned heads {heads}", folder, changed)


def check_json(checker, bert, model):
    folder = checker.folder(BERT)
    save(model.state_dict(), folder / "model.safetensors")
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config.update(loss=float("nan"), bounds=[float("inf"), -float("inf")], text='NaN, "Infinity')
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text(json.dumps(config), encoding=encoding)
        bert(f"config.json with NaN in {encoding}", folder)
    path.write_text(json.dumps(config), encoding="utf-16")
    checker.refused("config.json in UTF-16", folder, "UTF-16")


def check_encoder_decoders(checker):
    sizes = dict(vocab_size=20, d_model=16)
    bart = dict(**sizes, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
                encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=32)
    t5 = dict(**sizes, d_kv=4, num_heads=4, d_ff=24, num_layers=2, decoder_start_token_id=0)
    models = {
        "t5": T5ForConditionalGeneration(T5Config(**t5)),
        "untied t5": T5ForConditionalGeneration(T5Config(**t5, feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
        "marian": MarianMTModel(MarianConfig(**bart, pad_token_id=19, decoder_start_token_id=19, eos_token_id=0)),
        "bart": BartForConditionalGeneration(BartConfig(**bart, pad_token_id=1, eos_token_id=2, bos_token_id=0,
                                                        decoder_start_token_id=2))}
    inputs = {"input_ids": IDS, "decoder_input_ids": DECODER_IDS, "attention_mask": torch.ones_like(IDS)}
    for kind, model in models.items():
        model.eval()
        expected = model(input_ids=IDS, decoder_input_ids=DECODER_IDS).logits.detach()

        def check(name, write):
            folder = checker.folder(model.config)
            model.generation_config.save_pretrained(folder)
            write(folder)
            checker.compare(f"{kind}: {name}", folder, inputs, "logits", expected)

        state = model.state_dict()
        check("save_model", lambda folder: save_model(model, str(folder / "model.safetensors")))
        for prefix in PREFIXES:
            renamed = {prefix + name: tensor for name, tensor in state.items()}
            check(prefix, lambda folder: save(renamed, folder / "model.safetensors"))
        check("a trainer's", lambda folder: save({"checkpoint": {"model": state}, **objects()}, folder / "last.ckpt"))

        def tied_shards(folder):
            model.save_pretrained(folder, max_shard_size="10KB")
            path = folder / "model.safetensors.index.json"
            index = json.loads(path.read_text())
            first = min(index["weight_map"].values())
            for name in state:
                index["weight_map"].setdefault(name, first)
            path.write_text(json.dumps(index))

        check("shards, an index with tied names", tied_shards)


def check_plain_modules(checker):
    config = {"model_type": "torch_transformer_encoder", "nhead": 4, "max_length": 32}
    module = Encoder().eval()

    def check(name, state, keys=None, of=module, file="model.safetensors"):
        folder = checker.folder({**config, **({"keys": keys} if keys else {})})
        save(state, folder / file)
        checker.compare("plain module: " + name, folder, {"input_ids": IDS}, "logits", of(IDS).detach())

    state = module.state_dict()
    for prefix in PREFIXES:
        check(prefix, {prefix + name: tensor for name, tensor in state.items()})
    check("in the middle", {name.replace("layers.0.", "layers.0._checkpoint_wrapped_module.")
                            .replace("self_attn.", "self_attn._fsdp_wrapped_module."): tensor
                            for name, tensor in state.items()})
    renamed = {"model." + name.replace("embedding.", "tok."): tensor for name, tensor in state.items()}
    check("keys", renamed, {"embedding.": "model.tok."})
    check("keys without model.", renamed, {"embedding.": "tok."})
    check("a trainer's", {"state_dict": renamed, **objects()}, {"embedding.": "tok."}, file="last.ckpt")
    changed = copy.deepcopy(module)
    prune.l1_unstructured(changed.encoder.layers[0].linear1, "weight", 0.4)
    weight_norm(changed.out)
    check("pruned and normed", changed.state_dict(), of=changed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    program = parser.parse_args().program.resolve()
    os.environ["HF_HUB_OFFLINE"] = "1"
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as root:
        checker = Checker(program, root)
        model = BertModel(BERT).eval()

        def bert(name, source, of=model, stderr=""):
            checker.compare(name, source, {"input_ids": IDS, "token_type_ids": torch.zeros_like(IDS)},
                            "last_hidden_state", of(IDS).last_hidden_state.detach(), stderr)

        for check in (check_pickles, check_names, check_types, check_parametrizations, check_json):
            check(checker, bert, model)
        try:
            check_adapters(checker, bert, model)
        except ImportError:
            print("skipped adapters: peft is not installed")
        check_encoder_decoders(checker)
        check_plain_modules(checker)
    if checker.wrong:
        sys.exit(f"{checker.wrong} wrong")


if __name__ == "__main__":
    main()
