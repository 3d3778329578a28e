#!/usr/bin/env python3
"""Checks that a model is the same however its checkpoint is stored.

    python check_wrappings.py PROGRAM [--only TEXT]

Saves small models of random weights in the forms below, and compares `lanewise run` with PyTorch, or with the run of the
plain folder. Prints one line for each, and fails if any is wrong.

    lora       adapters of PEFT beside their base: within 2e-5 of merge_and_unload() in double precision
    wrapping   names and nestings of training tools, EMA copies, TorchScript, torch.export: the same bits
    types      f64, f16, bf16, FP8 with and without scales: within 2e-5
    quantised  GPTQ, AWQ, bitsandbytes, as their packages store them: within 2e-5 of the unpacked weights
    export     `convert --to-checkpoint`: Transformers loads the same values
    verify     `inspect --verify` names the tensor of every flipped byte
"""

import argparse
import copy
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile

import numpy
import torch
import transformers
from peft import IA3Config, LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM, BertConfig, BertModel, GPT2Config, LlamaConfig, Qwen2Config

warnings.filterwarnings("ignore")
TOLERANCE = 2e-5
IDS = torch.tensor([[2, 5, 6, 7, 3, 19, 8]])
BERT = BertConfig(vocab_size=20, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
                  max_position_embeddings=32, attn_implementation="eager")
SIZES = dict(vocab_size=32, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
             attn_implementation="eager")
LLAMA, QWEN = LlamaConfig(**SIZES), Qwen2Config(**SIZES)
GPT2 = GPT2Config(vocab_size=32, n_embd=64, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2)


def make(config):
    torch.manual_seed(7)
    model = (BertModel(config) if config is BERT else AutoModelForCausalLM.from_config(config)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.1)
    return model


def answer(model):
    with torch.no_grad():
        output = copy.deepcopy(model).double()(IDS)
    return output.last_hidden_state if "last_hidden_state" in output else output.logits


class Checker:
    def __init__(self, program, root, only):
        self.program, self.root, self.only, self.count, self.wrong = program, pathlib.Path(root), only, 0, 0
        save_file({"input_ids": IDS}, self.root / "in.safetensors")

    def folder(self):
        self.count += 1
        folder = self.root / str(self.count)
        folder.mkdir()
        return folder

    def say(self, ok, name, text=""):
        self.wrong += not ok
        print("ok   " if ok else "WRONG", name, text, flush=True)

    def call(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)

    def outputs(self, source):
        out = self.root / "out.safetensors"
        out.unlink(missing_ok=True)
        run = self.call("run", source, "--inputs", self.root / "in.safetensors", "--outputs", out)
        return (load_file(out), run.stderr) if run.returncode == 0 else (None, run.stderr)

    def compare(self, name, source, expected):
        found, errors = self.outputs(source)
        if found is None:
            return self.say(False, name, errors)
        tensor = found["logits" if "logits" in found else "last_hidden_state"]
        error = float((tensor - expected).abs().max() / expected.abs().max())
        self.say(error < TOLERANCE, name, f"{error:.1e}")

    def same(self, name, source, plain):
        found, errors = self.outputs(source)
        equal = found is not None and found.keys() == plain.keys() and all(
            torch.equal(found[key], plain[key]) for key in plain)
        self.say(equal, name, "" if equal else errors or "other bits")

    def refused(self, name, source, *parts):
        run = self.call("convert", source, "-o", self.root / "x.lw")
        self.say(run.returncode == 1 and all(part in run.stderr for part in parts), name,
                 run.stderr.strip().splitlines()[-1])


def check_lora(checker):
    linear = ["q_proj", "v_proj", "down_proj"]
    cases = [("llama", LLAMA, dict(target_modules=linear, r=4, lora_alpha=8)),
             ("llama, rslora", LLAMA, dict(target_modules=linear, r=4, use_rslora=True)),
             ("llama, patterns", LLAMA, dict(target_modules=linear, r=4, rank_pattern={"v_proj": 2},
                                             alpha_pattern={"model.layers.1.self_attn.q_proj": 3})),
             ("llama, head and embedding", LLAMA, dict(target_modules=["lm_head", "embed_tokens"], r=3)),
             ("llama, saved head", LLAMA, dict(target_modules=linear, modules_to_save=["lm_head"])),
             ("llama, DoRA", LLAMA, dict(target_modules=linear, use_dora=True)),
             ("qwen2, all biases", QWEN, dict(target_modules=linear, bias="all")),
             ("qwen2, biases of B", QWEN, dict(target_modules=["q_proj", "k_proj"], lora_bias=True)),
             ("gpt2", GPT2, dict(target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)),
             ("gpt2, DoRA", GPT2, dict(target_modules=["c_attn"], fan_in_fan_out=True, use_dora=True)),
             ("bert", BERT, dict(target_modules=["query", "dense"], r=5)),
             ("bert, embedding", BERT, dict(target_modules=["word_embeddings", "key"]))]
    for name, config, options in cases:
        for weights in (True, False):
            model = make(config)
            above = checker.folder()
            model.save_pretrained(above / "base")
            adapted = get_peft_model(model, LoraConfig(**options))
            with torch.no_grad():
                for key, parameter in adapted.named_parameters():
                    if "lora_" in key or "modules_to_save" in key or key.endswith(".bias") and "all" in options.values():
                        parameter.add_(torch.randn_like(parameter) * 0.1)
            adapted.save_pretrained(above / "adapter", safe_serialization=weights)
            path = above / "adapter" / "adapter_config.json"
            fields = json.loads(path.read_text()) | {"base_model_name_or_path": "../base"}
            path.write_text(json.dumps(fields))
            merged = adapted.double().merge_and_unload()
            checker.compare(f"lora: {name}, {'safetensors' if weights else 'bin'}", above / "adapter", answer(merged))
    path.write_text(json.dumps(fields | {"base_model_name_or_path": "owner/model"}))
    checker.refused("lora: no base", above / "adapter", "'owner/model'", "--base")
    out = above / "x.lw"
    run = checker.call("convert", above / "adapter", "--base", above / "base", "-o", out)
    checker.compare("lora: --base", out, answer(merged)) if run.returncode == 0 else checker.say(False, "--base", run.stderr)
    path.write_text(json.dumps(fields | {"init_lora_weights": "pissa"}))
    checker.refused("lora: pissa", above / "adapter", "'init_lora_weights'", "'pissa'")
    path.write_text(json.dumps(fields | {"use_qalora": True}))
    checker.refused("lora: qalora", above / "adapter", "'use_qalora'")
    get_peft_model(make(LLAMA), IA3Config(target_modules=["k_proj"], feedforward_modules=[])).save_pretrained(
        above / "ia3")
    checker.refused("lora: IA3", above / "ia3", "'IA3'")


def forms_of(state):
    other = {name: tensor + 1 for name, tensor in state.items()}
    prefixed = {prefix: {prefix + name: tensor for name, tensor in state.items()}
                for prefix in ("module.", "_orig_mod.", "module._orig_mod.", "_forward_module.")}
    lightning = {"state_dict": {"model." + name: tensor for name, tensor in state.items()}, "epoch": 3,
                 "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(2)}}}]}
    average = {"model." + name: tensor for name, tensor in state.items()} | {
        "ema_model.module." + name: tensor for name, tensor in other.items()} | {"ema_model.n_averaged": torch.tensor(3)}
    return prefixed | {"Lightning": lightning, "Trainer, model": {"model": state, "step": 3},
                       "model_state_dict": {"model_state_dict": state, "loss": 0.5},
                       "EMA beside": {"model": state, "ema": other}, "EMA below": {"model": state, "ema": {"module": other}},
                       "EMA in names": average}, {
        "EMA beside": {"model": other, "ema": state}, "EMA below": {"model": other, "model_ema": {"module": state}},
        "EMA in names": {name.replace("ema_model.module.", "") if name.startswith("ema") else "ema_model.module." +
                         name.removeprefix("model."): tensor for name, tensor in average.items()
                         if "n_averaged" not in name}}


def save_old_export(program, path):
    """As torch.export.save() of PyTorch 2.7."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in (("serialized_state_dict.pt", dict(program.state_dict)),
                            ("serialized_constants.pt", dict(program.constants))):
            file = io.BytesIO()
            torch.save(value, file)
            archive.writestr(name, file.getvalue())
        archive.writestr("serialized_exported_program.json", "{}")
        archive.writestr("version", "8.8")


def check_wrapping(checker):
    for config in (BERT, LLAMA):
        kind = config.model_type
        model = make(config)
        plain = checker.folder()
        model.save_pretrained(plain)
        expected, _ = checker.outputs(plain)
        state = model.state_dict()
        folders = lambda: (folder := checker.folder(), shutil.copy(plain / "config.json", folder))[0]
        ordinary, averages = forms_of(state)
        for name, form in ordinary.items():
            folder = folders()
            torch.save(form, folder / "last.ckpt")
            checker.same(f"wrapping: {kind}, {name}", folder, expected)
            if all(isinstance(value, torch.Tensor) for value in form.values()):
                (folder / "last.ckpt").unlink()
                save_file({key: tensor.clone() for key, tensor in form.items()}, folder / "model.safetensors")
                checker.same(f"wrapping: {kind}, {name}, safetensors", folder, expected)
        for name, form in averages.items():
            folder = folders()
            torch.save(form, folder / "last.ckpt")
            run = checker.call("convert", folder, "--ema", "-o", checker.root / "ema.lw")
            checker.same(f"wrapping: {kind}, --ema, {name}", checker.root / "ema.lw", expected)
        run = checker.call("convert", plain, "--ema", "-o", checker.root / "ema.lw")
        checker.say(run.returncode == 1 and "EMA" in run.stderr, f"wrapping: {kind}, --ema without EMA", run.stderr.strip())
        normed = copy.deepcopy(model)
        layer = normed.encoder.layer[0].output.dense if config is BERT else normed.model.layers[0].mlp.down_proj
        torch.nn.utils.parametrizations.weight_norm(layer)
        folder = folders()
        torch.save({"state_dict": {"model." + name: tensor for name, tensor in normed.state_dict().items()}},
                   folder / "last.ckpt")
        checker.compare(f"wrapping: {kind}, weight_norm", folder, answer(normed))

        class Wrapper(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, ids):
                return self.model(ids, use_cache=False)[0] if config is LLAMA else self.model(ids)[0]

        folder = folders()
        torch.jit.trace(Wrapper(), IDS, check_trace=False).save(folder / "script.pt")
        checker.same(f"wrapping: {kind}, TorchScript", folder, expected)
        program = torch.export.export(Wrapper(), (IDS,), strict=False)
        folder = folders()
        torch.export.save(program, folder / "model.pt2")
        checker.same(f"wrapping: {kind}, torch.export", folder, expected)
        checker.same(f"wrapping: {kind}, torch.export, the file", folder / "model.pt2", expected)
        folder = folders()
        save_old_export(program, folder / "model.pt2")
        checker.same(f"wrapping: {kind}, torch.export of 2.7", folder, expected)


def fp8_scaled(weight, rows, columns):
    blocks = [[weight[i:i + rows, j:j + columns] for j in range(0, weight.shape[1], columns)]
              for i in range(0, weight.shape[0], rows)]
    scales = torch.tensor([[float(block.abs().max()) / 448 for block in row] for row in blocks])
    codes = torch.cat([torch.cat([(block / scale).to(torch.float8_e4m3fn) for block, scale in zip(row, line)], 1)
                       for row, line in zip(blocks, scales)], 0)
    spread = scales.repeat_interleave(rows, 0).repeat_interleave(columns, 1)[:weight.shape[0], :weight.shape[1]]
    return codes, scales, codes.float() * spread


def check_types(checker):
    for name in ("float64", "float16", "bfloat16", "float8_e4m3fn"):
        for file in ("model.safetensors", "pytorch_model.bin"):
            model, folder = make(LLAMA), checker.folder()
            model.config.save_pretrained(folder)
            state = {key: tensor.to(getattr(torch, name)) for key, tensor in model.state_dict().items()}
            save_file(state, folder / file) if file.endswith("safetensors") else torch.save(state, folder / file)
            model.load_state_dict({key: tensor.float() for key, tensor in state.items()})
            checker.compare(f"types: {name}, {file}", folder, answer(model))
    for name, rows, columns, suffix in (("blocks", 128, 128, "_scale_inv"), ("small blocks", 16, 32, "_scale_inv"),
                                        ("tensor", 4096, 4096, "_scale"), ("rows", 1, 4096, "_scale")):
        model, folder = make(LLAMA), checker.folder()
        state = {}
        for key, tensor in model.state_dict().items():
            if "proj" in key:
                codes, scales, values = fp8_scaled(tensor, rows, columns)
                state[key] = codes
                state[key + suffix] = scales.reshape(()) if name == "tensor" else scales
                tensor.copy_(values)
            else:
                state[key] = tensor
        fields = model.config.to_dict() | {"quantization_config": {"quant_method": "fp8", "weight_block_size": (
            [rows, columns] if "blocks" in name else None), "activation_scheme": "dynamic"}}
        (folder / "config.json").write_text(json.dumps(fields))
        save_file(state, folder / "model.safetensors")
        checker.compare(f"types: FP8 with scales of {name}", folder, answer(model))


def pack(codes, bits, places):
    """Words of 32 bits along the last dimension; element i of a word is at `places[i]`."""
    words = numpy.zeros((codes.shape[0], codes.shape[1] * bits // 32), dtype=numpy.uint32)
    for i, place in enumerate(places):
        words |= codes[:, i::len(places)].astype(numpy.uint32) << numpy.uint32(place * bits)
    return torch.from_numpy(words.view(numpy.int32).copy())


AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7]


def quantised(weight, method, bits, group, symmetric, order):
    """Tensors of one linear layer [out, in], and the values they mean."""
    out, inputs = weight.shape
    random = numpy.random.default_rng(out * inputs)
    groups = numpy.arange(inputs) // group
    if order:
        random.shuffle(groups)
    count = inputs // group
    scales = (random.random((count, out)).astype(numpy.float16) * numpy.float16(0.02) + numpy.float16(0.005))
    zeros = numpy.full((count, out), 2 ** (bits - 1)) if symmetric else random.integers(0, 2 ** bits, (count, out))
    codes = random.integers(0, 2 ** bits, (inputs, out))
    values = scales[groups].astype(numpy.float32) * (codes - zeros[groups]).astype(numpy.float32)
    per_word = 32 // bits
    tensors = {"scales": torch.from_numpy(scales)}
    if method == "awq":
        tensors |= {"qweight": pack(codes, 4, AWQ_PLACES), "qzeros": pack(zeros, 4, AWQ_PLACES)}
    else:
        less = 1 if method == "gptq" else 0
        tensors |= {"qweight": pack(codes.T, bits, range(per_word)).T.contiguous(),
                    "qzeros": pack((zeros - less) % 2 ** bits, bits, range(per_word)),
                    "g_idx": torch.from_numpy(groups.astype(numpy.int32))}
    return tensors, torch.from_numpy(values.T.copy())


def check_groups(checker):
    cases = [("gptq", 4, 32, True, False), ("gptq", 4, 32, False, False), ("gptq", 4, 16, True, True),
             ("gptq", 8, 32, True, False), ("gptq", 2, 32, False, True), ("gptq_v2", 4, 32, False, False),
             ("awq", 4, 32, False, False), ("awq", 4, 16, True, False)]
    for method, bits, group, symmetric, order in cases:
        model, folder, state = make(LLAMA), checker.folder(), {}
        for key, tensor in model.state_dict().items():
            if "proj" in key:
                tensors, values = quantised(tensor, method, bits, group, symmetric, order)
                state |= {key.removesuffix("weight") + name: value for name, value in tensors.items()}
                tensor.copy_(values)
            else:
                state[key] = tensor.half()
                tensor.copy_(state[key])
        settings = dict(quant_method=method.removesuffix("_v2"), bits=bits, group_size=group, sym=symmetric, desc_act=order)
        settings |= {"checkpoint_format": method} if method != "awq" else {"version": "gemm", "zero_point": True}
        (folder / "config.json").write_text(json.dumps(model.config.to_dict() | {"quantization_config": settings}))
        save_file(state, folder / "model.safetensors")
        name = f"quantised: {method}, {bits} bits, groups of {group}{', symmetric' * symmetric}{', order' * order}"
        out = checker.root / "f32.lw"
        run = checker.call("convert", folder, "--weights", "f32", "-o", out)
        checker.compare(name, out, answer(model)) if run.returncode == 0 else checker.say(False, name, run.stderr)
        run = checker.call("convert", folder, "-o", out)
        formats = checker.call("inspect", out, "--tensors").stdout
        keeps = bits == 4 and symmetric and group % 32 == 0 and not order
        checker.say(run.returncode == 0 and ("q4_0" in formats) == keeps, name + ", kept", run.stderr.strip()[-60:])


def bitsandbytes_tensors(weight, kind, nested):
    random = numpy.random.default_rng(1)
    count = weight.numel()
    codes = random.integers(0, 16, count)
    table = numpy.sort(random.uniform(-1, 1, 16)).astype(numpy.float32)
    packed = (codes[0::2] << 4 | codes[1::2]).astype(numpy.uint8)
    scales = random.uniform(0.05, 0.2, count // 64).astype(numpy.float32)
    state = {"quant_type": kind, "blocksize": 64, "dtype": "float16", "shape": list(weight.shape)}
    tensors = {"": torch.from_numpy(packed)[:, None], ".quant_map": torch.from_numpy(table)}
    if nested:
        nested_table = numpy.sort(random.uniform(-1, 1, 256)).astype(numpy.float32)
        nested_codes = random.integers(0, 256, len(scales)).astype(numpy.uint8)
        nested_scales = random.uniform(0.05, 0.1, -(-len(scales) // 256)).astype(numpy.float32)
        offset = 0.11
        state |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": offset}
        scales = nested_table[nested_codes] * nested_scales.repeat(256)[:len(scales)] + numpy.float32(offset)
        tensors |= {".absmax": torch.from_numpy(nested_codes), ".nested_quant_map": torch.from_numpy(nested_table),
                    ".nested_absmax": torch.from_numpy(nested_scales)}
    else:
        tensors[".absmax"] = torch.from_numpy(scales)
    text = json.dumps(state).encode()
    tensors[f".quant_state.bitsandbytes__{kind}"] = torch.tensor(list(text), dtype=torch.uint8)
    values = table[codes] * scales.repeat(64)
    return tensors, torch.from_numpy(values).reshape(weight.shape)


def check_bitsandbytes(checker):
    for kind, nested in (("nf4", False), ("nf4", True), ("fp4", True), ("int8", False)):
        model, folder, state = make(LLAMA), checker.folder(), {}
        for key, tensor in model.state_dict().items():
            if "proj" not in key:
                state[key] = tensor
            elif kind == "int8":
                scale = tensor.abs().amax(1)
                codes = (tensor * 127 / scale[:, None]).round().to(torch.int8)
                state |= {key: codes, key.removesuffix("weight") + "SCB": scale}
                tensor.copy_(codes * scale[:, None] / 127)
            else:
                tensors, values = bitsandbytes_tensors(tensor, kind, nested)
                state |= {key + suffix: value for suffix, value in tensors.items()}
                tensor.copy_(values)
        fields = model.config.to_dict() | {"quantization_config": {
            "quant_method": "bitsandbytes", "load_in_4bit": kind != "int8", "load_in_8bit": kind == "int8"}}
        (folder / "config.json").write_text(json.dumps(fields))
        save_file(state, folder / "model.safetensors")
        checker.compare(f"quantised: bitsandbytes {kind}{', nested' * nested}", folder, answer(model))


def check_export(checker):
    for config, name in ((BERT, "bert"), (LLAMA, "llama"), (GPT2, "gpt2")):
        for file in ("model.safetensors", "wrapped.ckpt", "half"):
            model, source, out = make(config), checker.folder(), checker.folder() / "made"
            if file == "half":
                model = model.half()
            model.save_pretrained(source)
            if file == "wrapped.ckpt":
                (source / "model.safetensors").unlink()
                torch.save({"state_dict": {"net.module." + key: tensor for key, tensor in model.state_dict().items()}},
                           source / file)
            run = checker.call("convert", source, "--to-checkpoint", out)
            if run.returncode:
                checker.say(False, f"export: {name}, {file}", run.stderr)
                continue
            loaded = (AutoModel if config is BERT else AutoModelForCausalLM).from_pretrained(out)
            state, expected = loaded.state_dict(), model.state_dict()
            same = all(torch.equal(state[key], tensor) and state[key].dtype == tensor.dtype
                       for key, tensor in expected.items())
            checker.say(same and state.keys() == expected.keys(), f"export: {name}, {file}")
            plain, _ = checker.outputs(source)
            checker.same(f"export: {name}, {file}, run", out, plain)
            if file == "model.safetensors":
                check_export_of_model(checker, name, source, expected, plain)
            left = [path.name for path in out.parent.iterdir()]
            checker.say(left == ["made"], f"export: {name}, {file}, nothing beside", str(left))


def check_export_of_model(checker, name, source, expected, plain):
    model, out = checker.root / "exported.lw", checker.folder() / "made"
    checker.call("convert", source, "-o", model)
    run = checker.call("convert", model, "--to-checkpoint", out)
    if name == "gpt2":
        return checker.say(run.returncode == 1 and "only in a computed form" in run.stderr,
                           "export: gpt2, model file", run.stderr.strip()[-80:])
    if run.returncode:
        return checker.say(False, f"export: {name}, model file", run.stderr)
    loaded = (AutoModel if name == "bert" else AutoModelForCausalLM).from_pretrained(out).state_dict()
    checker.say(all(torch.equal(loaded[key], tensor) for key, tensor in expected.items()),
                f"export: {name}, model file")
    checker.same(f"export: {name}, model file, run", out, plain)


def check_verify(checker):
    folder, out = checker.folder(), checker.root / "verified.lw"
    make(BERT).save_pretrained(folder)
    checker.call("convert", folder, "-o", out)
    run = checker.call("inspect", out, "--verify")
    checker.say(run.returncode == 0, "verify: whole", run.stdout.strip())
    bytes_ = bytearray(out.read_bytes())
    header = int.from_bytes(bytes_[:8], "little")
    tensors = json.loads(bytes_[8:8 + header])
    tensors.pop("__metadata__")
    for name, fields in tensors.items():
        begin, end = fields["data_offsets"]
        if name.startswith("__padding__") or begin == end:
            continue
        at = 8 + header + (begin + end) // 2
        bytes_[at] ^= 1
        out.write_bytes(bytes_)
        run = checker.call("inspect", out, "--verify")
        # A wrong checksum looks like damage of its tensor.
        named = "damaged: '" if name == "lanewise.checksums" else f"'{name}'"
        checker.say(run.returncode == 1 and named in run.stderr, f"verify: {name}", run.stderr.strip()[-80:])
        bytes_[at] ^= 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as root:
        checker = Checker(arguments.program, root, arguments.only)
        for name, check in (("lora", check_lora), ("wrapping", check_wrapping), ("types", check_types),
                            ("quantised groups", check_groups), ("quantised bitsandbytes", check_bitsandbytes),
                            ("export", check_export), ("verify", check_verify)):
            if arguments.only in name:
                check(checker)
        print(f"{checker.wrong} wrong")
        return checker.wrong != 0


if __name__ == "__main__":
    sys.exit(main())
