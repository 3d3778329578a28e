#!/usr/bin/env python3
"""Checks that encoders compute what Transformers computes.

    python check_encoders.py PROGRAM [--only TEXT] [--full]

Saves small models with random weights of every family, at odd sizes, with each head that Transformers has for them, and compares
`lanewise run` with the model in double precision: within 2e-5 of the largest magnitude. Each row is compared with the same row
alone; the batch is padded on the left, then on the right. Where a config has an older spelling, it is compared too.

What published code computes that is no part of Transformers (NomicBERT, GTE and Jina before their classes) is computed here by
independent functions, from the papers and the tensors' names. With --full, models have published sizes. Prints one line for each,
and fails if any is wrong.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.nn.functional import gelu, layer_norm, linear, relu, silu
from transformers import AutoConfig

TOLERANCE = 2e-5
LENGTHS = [1, 2, 17, 40]
FULL_LENGTHS = [5, 200, 511]
LABELS = 3
FOUR = transformers.__version__.startswith("4.")
HEADS = {"": "AutoModel", "texts": "AutoModelForSequenceClassification", "tokens": "AutoModelForTokenClassification",
         "answers": "AutoModelForQuestionAnswering", "masks": "AutoModelForMaskedLM"}

BERT = dict(vocab_size=101, hidden_size=60, num_hidden_layers=3, num_attention_heads=6, intermediate_size=76,
            max_position_embeddings=57, type_vocab_size=2)
ROBERTA = BERT | dict(type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)
NARROW = BERT | dict(embedding_size=28)
ROTARY = BERT | dict(pad_token_id=0)
MODERN = dict(vocab_size=101, hidden_size=60, num_hidden_layers=5, num_attention_heads=6, intermediate_size=44,
              max_position_embeddings=57, local_attention=10, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1,
              sep_token_id=2)
DISTILBERT = dict(vocab_size=101, dim=60, n_layers=3, n_heads=6, hidden_dim=76, max_position_embeddings=57)
DEBERTA = BERT | dict(type_vocab_size=0, relative_attention=True, position_buckets=16, norm_rel_ebd="layer_norm",
                      share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False)
MPNET = {key: value for key, value in ROBERTA.items() if key != "type_vocab_size"}

# name, model_type, fields
MODELS = [
    ("bert", "bert", BERT),
    ("bert relu, eps", "bert", BERT | dict(hidden_act="relu", layer_norm_eps=1e-3)),
    ("roberta", "roberta", ROBERTA),
    ("roberta pad 4, two types", "roberta", ROBERTA | dict(pad_token_id=4, type_vocab_size=2, hidden_act="gelu_new")),
    ("xlm-roberta", "xlm-roberta", ROBERTA | dict(layer_norm_eps=1e-5)),
    ("camembert", "camembert", ROBERTA),
    ("distilbert", "distilbert", DISTILBERT),
    ("distilbert sinusoidal, relu", "distilbert", DISTILBERT | dict(sinusoidal_pos_embds=True, activation="relu")),
    ("electra", "electra", NARROW),
    ("electra wide", "electra", BERT | dict(embedding_size=60)),
    ("albert", "albert", NARROW | dict(num_hidden_layers=4)),
    ("albert groups", "albert", NARROW | dict(num_hidden_layers=5, num_hidden_groups=3, hidden_act="gelu")),
    ("albert layers in groups", "albert", NARROW | dict(num_hidden_groups=2, inner_group_num=2)),
    ("deberta-v3", "deberta-v2", DEBERTA),
    ("deberta-v3 lm_predictions, 13 buckets", "deberta-v2", DEBERTA | dict(legacy=False, position_buckets=13)),
    ("deberta-v2 own projections, no buckets", "deberta-v2", DEBERTA | dict(
        share_att_key=False, position_buckets=-1, max_relative_positions=11, norm_rel_ebd="none", type_vocab_size=2,
        position_biased_input=True)),
    ("deberta-v2 c2p, narrow, tanh", "deberta-v2", DEBERTA | dict(
        pos_att_type="c2p", embedding_size=28, pooler_hidden_act="tanh", share_att_key=False)),
    ("deberta-v2 p2c", "deberta-v2", DEBERTA | dict(pos_att_type="p2c", hidden_act="relu")),
    ("deberta-v2 absolute", "deberta-v2", BERT | dict(position_biased_input=True)),
    ("deberta-v2 convolution, gelu", "deberta-v2", DEBERTA | dict(conv_kernel_size=3, conv_act="gelu")),
    ("deberta-v2 convolution of 7", "deberta-v2", DEBERTA | dict(conv_kernel_size=7, embedding_size=28)),
    ("deberta", "deberta", BERT | dict(type_vocab_size=0, relative_attention=True, pos_att_type=["c2p", "p2c"],
                                       position_biased_input=False)),
    ("deberta near, c2p, types", "deberta", BERT | dict(relative_attention=True, max_relative_positions=11,
                                                        pos_att_type="c2p", pooler_hidden_act="tanh")),
    ("deberta p2c, lm_predictions", "deberta", BERT | dict(relative_attention=True, pos_att_type=["p2c"], legacy=False)),
    ("deberta narrow", "deberta", BERT | dict(relative_attention=True, pos_att_type=["p2c"], embedding_size=28)),
    ("deberta absolute", "deberta", BERT),
    ("mpnet", "mpnet", MPNET),
    ("mpnet 5e-5", "mpnet", MPNET | dict(layer_norm_eps=5e-5, max_position_embeddings=301)),
    ("modernbert", "modernbert", MODERN),
    ("modernbert biases, mean", "modernbert", MODERN | dict(attention_bias=True, mlp_bias=True, norm_bias=True,
                                                            classifier_bias=True, classifier_pooling="mean")),
    ("modernbert window of 7, silu", "modernbert", MODERN | dict(local_attention=7, global_attn_every_n_layers=2,
                                                                 hidden_activation="silu", decoder_bias=False)),
    ("nomic_bert", "nomic_bert", ROTARY),
    ("gte", "gte", ROTARY | dict(type_vocab_size=1)),
    ("gte no types", "gte", ROTARY | dict(type_vocab_size=0)),
    ("roformer", "roformer", ROTARY | dict(embedding_size=60)),
    ("roformer narrow, values", "roformer", ROTARY | dict(embedding_size=28, rotary_value=True, hidden_act="relu")),
]

FULL = [
    ("RoBERTa base", "roberta", dict(max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5)),
    ("DistilBERT base", "distilbert", dict()),
    ("MPNet base", "mpnet", dict(max_position_embeddings=514)),
    ("ALBERT base", "albert", dict(hidden_size=768, num_attention_heads=12, intermediate_size=3072)),
    ("ModernBERT base", "modernbert", dict()),
    ("DeBERTa-v3 base", "deberta-v2", dict(
        hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072, relative_attention=True,
        position_buckets=256, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type="p2c|c2p",
        position_biased_input=False)),
]


class Checker:
    def __init__(self, program, root):
        self.program, self.root, self.wrong = program, pathlib.Path(root), 0

    def say(self, ok, name, text=""):
        self.wrong += not ok
        print("ok   " if ok else "WRONG", name, text, flush=True)

    def run(self, folder, inputs):
        save_file(inputs, self.root / "in.safetensors")
        done = subprocess.run([self.program, "run", folder, "--inputs", self.root / "in.safetensors", "--outputs",
                               self.root / "out.safetensors"], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        if "unknown" in done.stderr or "unused" in done.stderr:
            raise RuntimeError(done.stderr.strip())
        return load_file(self.root / "out.safetensors")


def randomise(named):
    """As made, norms are 1 and biases 0, and attention hardly looks at anything."""
    with torch.no_grad():
        for name, parameter in named:
            if "embed_positions" in name:
                continue  # sines and cosines
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
            else:
                parameter.mul_(4)


def batch(vocabulary, lengths, types, left):
    torch.manual_seed(1)
    width = max(lengths)
    inputs = {"input_ids": torch.zeros(len(lengths), width, dtype=torch.int64)}
    inputs["attention_mask"] = torch.zeros_like(inputs["input_ids"])
    if types > 0:
        inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"])
    for row, length in enumerate(lengths):
        at = slice(width - length, width) if left else slice(0, length)
        inputs["input_ids"][row, at] = torch.randint(5, vocabulary, (length,))
        inputs["attention_mask"][row, at] = 1
        if types > 1:
            inputs["token_type_ids"][row, at] = torch.randint(0, types, (length,))
    return inputs


def compare(checker, name, folder, reference, vocabulary, lengths, types):
    error, largest = 0.0, 0.0
    for left in (True, False):
        inputs = batch(vocabulary, lengths, types, left)
        found = checker.run(folder, inputs)
        for row in range(len(lengths)):
            real = inputs["attention_mask"][row].bool()
            alone = {key: value[row:row + 1, real] for key, value in inputs.items() if key != "attention_mask"}
            with torch.no_grad():
                expected = reference(**alone)
            for key, value in expected.items():
                value = value[0]
                of_tokens = found[key].dim() > 1 and found[key].shape[1] == real.shape[0]
                own = found[key][row, real] if of_tokens else found[key][row]
                if of_tokens and real.logical_not().any() and found[key][row, ~real].abs().max() > 0:
                    raise RuntimeError(f"{key} is not 0 at padded positions")
                own = own.reshape(value.shape)
                largest = max(largest, value.abs().max().item())
                error = max(error, (own - value).abs().max().item())
    checker.say(error <= TOLERANCE * largest, name, f"{error / largest:.1e}")


OUTPUTS = ("last_hidden_state", "logits", "start_logits", "end_logits")


def forward(model):
    """Those outputs of a model that the program has too."""
    def run(**inputs):
        if model.config.model_type in ("distilbert", "mpnet", "modernbert"):
            inputs.pop("token_type_ids", None)
        made = model(**inputs)
        return {key: value for key in OUTPUTS if (value := getattr(made, key, None)) is not None}
    return run


def types_of(model_type, config):
    return 0 if model_type in ("distilbert", "mpnet", "modernbert") else config.type_vocab_size


def older_modernbert(folder):
    """config.json as Transformers 4 wrote it; false if it is the same."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    if config["model_type"] != "modernbert" or "rope_parameters" not in config:
        return False
    parameters = config.pop("rope_parameters")
    config["global_rope_theta"] = parameters["full_attention"]["rope_theta"]
    config["local_rope_theta"] = parameters["sliding_attention"]["rope_theta"]
    types = config.pop("layer_types")
    config["global_attn_every_n_layers"] = types[1:].index("full_attention") + 1
    path.write_text(json.dumps(config))
    return True


def check_transformers(checker, name, model_type, fields, full):
    for head, maker in HEADS.items():
        settings = dict(fields) if not head or head == "masks" else fields | dict(num_labels=2 if head == "answers" else LABELS)
        try:
            config = AutoConfig.for_model(model_type, **json.loads(json.dumps(settings)))
            torch.manual_seed(len(str(fields)))
            model = getattr(transformers, maker).from_config(config, attn_implementation="eager").eval()
        except ValueError as error:
            if head == "":
                print("none ", name, str(error).splitlines()[0][:80], flush=True)
                return
            continue  # no such class
        randomise(model.named_parameters())
        folder = checker.root / f"{name} {head}".strip().replace(" ", "-").replace(",", "")
        model.save_pretrained(folder)
        model = model.double()
        lengths = FULL_LENGTHS if full else LENGTHS + [longest(model_type, config)]
        for spelling in ["", " (older spelling)"]:
            if spelling and (full or not older_modernbert(folder)):
                break
            try:
                compare(checker, f"{name} {head}{spelling}", folder, forward(model), config.vocab_size, lengths,
                        types_of(model_type, config))
            except (RuntimeError, KeyError) as error:
                checker.say(False, f"{name} {head}{spelling}", str(error))


def longest(model_type, config):
    positions = config.max_position_embeddings
    if model_type in ("roberta", "xlm-roberta", "camembert"):
        return positions - config.pad_token_id - 1
    return positions - 2 if model_type == "mpnet" else positions


# --- Published code that is no part of Transformers.

def norm(w, name, x, eps=1e-12):
    return layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], eps)


def dense(w, name, x):
    return linear(x, w[name + ".weight"], w.get(name + ".bias"))


def embeddings(w, input_ids, token_type_ids=None):
    x = w["embeddings.word_embeddings.weight"][input_ids[0]]
    if "embeddings.token_type_embeddings.weight" in w:
        kinds = torch.zeros_like(input_ids[0]) if token_type_ids is None else token_type_ids[0]
        x = x + w["embeddings.token_type_embeddings.weight"][kinds]
    return x


def turn(x, frequencies, interleaved):
    """x [tokens, heads, features]. The angles are rounded to f32, as the frequencies are."""
    angle = (torch.arange(len(x), dtype=torch.float32)[:, None] * frequencies).double()[:, None]
    pairs = len(frequencies)
    a, b = (x[..., 0:2 * pairs:2], x[..., 1:2 * pairs:2]) if interleaved else (x[..., :pairs], x[..., pairs:2 * pairs])
    new_a, new_b = a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()
    turned = torch.stack((new_a, new_b), -1).flatten(-2) if interleaved else torch.cat((new_a, new_b), -1)
    return torch.cat((turned, x[..., 2 * pairs:]), -1)


def attend(q, k, v, heads, frequencies=None, interleaved=False, bias=0.0):
    q, k, v = (x.unflatten(-1, (heads, -1)) for x in (q, k, v))
    if frequencies is not None:
        q, k = turn(q, frequencies, interleaved), turn(k, frequencies, interleaved)
    scores = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(q.shape[-1]) + bias
    return torch.einsum("hij,jhd->ihd", scores.softmax(-1), v).flatten(1)


def rotary_frequencies(theta, dim):
    return 1.0 / (theta ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim))


class Shapes:
    """Random weights by the names and shapes that a reference asks for."""

    def __init__(self, seed):
        torch.manual_seed(seed)
        self.tensors = {}

    def table(self, name, rows, width):
        self.tensors[name + ".weight"] = torch.randn(rows, width) * 0.5

    def dense(self, name, out, width, bias=True):
        self.tensors[name + ".weight"] = torch.randn(out, width) / math.sqrt(width) * 1.5
        if bias:
            self.tensors[name + ".bias"] = torch.randn(out) * 0.2

    def norm(self, name, width):
        self.tensors[name + ".weight"] = 1 + torch.randn(width) * 0.2
        self.tensors[name + ".bias"] = torch.randn(width) * 0.2


LAYERS, HIDDEN, INNER, NUMBER_OF_HEADS = 3, 60, 76, 6


def nomic(fields):
    """nomic-ai/nomic-bert-2048, with names of GPT-2's config."""
    config = dict(model_type="nomic_bert", vocab_size=101, n_embd=HIDDEN, n_layer=LAYERS, n_head=NUMBER_OF_HEADS, n_inner=256,
                  n_positions=64, type_vocab_size=2, layer_norm_epsilon=1e-12, activation_function="swiglu", qkv_proj_bias=False,
                  mlp_fc1_bias=False, mlp_fc2_bias=False, rotary_emb_fraction=1.0, rotary_emb_base=1000, prenorm=False,
                  use_flash_attn=True, pad_vocab_size_multiple=1, architectures=["NomicBertModel"]) | fields
    made = Shapes(7)
    gated = config["activation_function"] in ("swiglu", "geglu", "glu")
    made.table("embeddings.word_embeddings", 101, HIDDEN)
    made.table("embeddings.token_type_embeddings", 2, HIDDEN)
    made.norm("emb_ln", HIDDEN)
    for i in range(LAYERS):
        at = f"encoder.layers.{i}."
        made.dense(at + "attn.Wqkv", 3 * HIDDEN, HIDDEN, config["qkv_proj_bias"])
        made.dense(at + "attn.out_proj", HIDDEN, HIDDEN, config["qkv_proj_bias"])
        for name in ("fc11", "fc12") if gated else ("fc1",):
            made.dense(at + "mlp." + name, config["n_inner"], HIDDEN, config["mlp_fc1_bias"])
        made.dense(at + "mlp.fc2", HIDDEN, config["n_inner"], config["mlp_fc2_bias"])
        made.norm(at + "norm1", HIDDEN)
        made.norm(at + "norm2", HIDDEN)
    act = {"swiglu": silu, "geglu": gelu, "glu": torch.sigmoid, "gelu": gelu}[config["activation_function"]]
    frequencies = rotary_frequencies(config["rotary_emb_base"], int(HIDDEN // NUMBER_OF_HEADS * config["rotary_emb_fraction"]))

    def run(w, **inputs):
        x = norm(w, "emb_ln", embeddings(w, **inputs))
        for i in range(LAYERS):
            at = f"encoder.layers.{i}."
            q, k, v = dense(w, at + "attn.Wqkv", x).chunk(3, -1)
            y = attend(q, k, v, NUMBER_OF_HEADS, frequencies, config.get("rotary_emb_interleaved", False))
            x = norm(w, at + "norm1", x + dense(w, at + "attn.out_proj", y))
            y = dense(w, at + "mlp.fc11", x) * act(dense(w, at + "mlp.fc12", x)) if gated else act(dense(w, at + "mlp.fc1", x))
            x = norm(w, at + "norm2", x + dense(w, at + "mlp.fc2", y))
        return x
    return config, made.tensors, run, 2


def gte(fields):
    """Alibaba-NLP/new-impl."""
    config = dict(model_type="new", vocab_size=101, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=NUMBER_OF_HEADS,
                  intermediate_size=INNER, hidden_act="gelu", max_position_embeddings=64, type_vocab_size=1, layer_norm_eps=1e-12,
                  layer_norm_type="layer_norm", position_embedding_type="rope", rope_theta=500.0, pack_qkv=True,
                  unpad_inputs=False, use_memory_efficient_attention=False, logn_attention_scale=False,
                  logn_attention_clip1=False, architectures=["NewModel"]) | fields
    made = Shapes(8)
    made.table("embeddings.word_embeddings", 101, HIDDEN)
    if config["type_vocab_size"]:
        made.table("embeddings.token_type_embeddings", config["type_vocab_size"], HIDDEN)
    made.norm("embeddings.LayerNorm", HIDDEN)
    for i in range(LAYERS):
        at = f"encoder.layer.{i}."
        for name, rows in (("qkv_proj", 3 * HIDDEN),) if config["pack_qkv"] else ((n + "_proj", HIDDEN) for n in "qkv"):
            made.dense(at + "attention." + name, rows, HIDDEN)
        made.dense(at + "attention.o_proj", HIDDEN, HIDDEN)
        made.dense(at + "mlp.up_gate_proj", 2 * INNER, HIDDEN, False)
        made.dense(at + "mlp.down_proj", HIDDEN, INNER)
        made.norm(at + "attn_ln", HIDDEN)
        made.norm(at + "mlp_ln", HIDDEN)
    dim = HIDDEN // NUMBER_OF_HEADS
    scaling = config.get("rope_scaling")
    frequencies = rotary_frequencies(config["rope_theta"] * (scaling["factor"] if scaling else 1), dim)
    if scaling:
        frequencies = frequencies / scaling["factor"] ** (2 / dim)

    def run(w, **inputs):
        x = norm(w, "embeddings.LayerNorm", embeddings(w, **inputs))
        for i in range(LAYERS):
            at = f"encoder.layer.{i}."
            q, k, v = (dense(w, at + "attention.qkv_proj", x).chunk(3, -1) if config["pack_qkv"]
                       else [dense(w, at + f"attention.{n}_proj", x) for n in "qkv"])
            y = dense(w, at + "attention.o_proj", attend(q, k, v, NUMBER_OF_HEADS, frequencies))
            x = norm(w, at + "attn_ln", x + y)
            up, gate = dense(w, at + "mlp.up_gate_proj", x).chunk(2, -1)
            x = norm(w, at + "mlp_ln", x + dense(w, at + "mlp.down_proj", gelu(gate) * up))
        return x
    return config, made.tensors, run, config["type_vocab_size"]


def alibi(heads, tokens):
    """Press et al. 2022, with the authors' rule for numbers of heads that are no power of two."""
    def slopes(n):
        if n & (n - 1) == 0:
            return [2 ** (-8 * (i + 1) / n) for i in range(n)]
        lower = 1 << (n.bit_length() - 1)
        return slopes(lower) + slopes(2 * lower)[::2][:n - lower]
    place = torch.arange(tokens)
    return -torch.tensor(slopes(heads)).double()[:, None, None] * (place[None, :] - place[:, None]).abs()


def jina(fields, second=False, heads=NUMBER_OF_HEADS):
    """jinaai/jina-bert-implementation; `second`: jinaai/jina-bert-v2-qk-post-norm."""
    config = dict(model_type="bert", vocab_size=101, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=heads,
                  intermediate_size=INNER, hidden_act="gelu", max_position_embeddings=64, type_vocab_size=2, layer_norm_eps=1e-12,
                  position_embedding_type="alibi", feed_forward_type="geglu", emb_pooler="mean", attn_implementation="torch",
                  architectures=["JinaBertModel"]) | fields
    act = {"geglu": gelu, "reglu": relu}[config["feed_forward_type"]]
    made = Shapes(9)
    made.table("embeddings.word_embeddings", 101, HIDDEN)
    made.table("embeddings.token_type_embeddings", 2, HIDDEN)
    made.norm("embeddings.LayerNorm", HIDDEN)
    for i in range(LAYERS):
        at = f"encoder.layer.{i}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            made.dense(at + "attention." + name, HIDDEN, HIDDEN)
        made.norm(at + "attention.output.LayerNorm", HIDDEN)
        made.dense(at + ("mlp.up_gated_layer" if second else "mlp.gated_layers"), 2 * INNER, HIDDEN, False)
        made.dense(at + ("mlp.down_layer" if second else "mlp.wo"), HIDDEN, INNER)
        for name in (("attention.self.layer_norm_q", "attention.self.layer_norm_k", "layer_norm_1", "layer_norm_2") if second
                     else ("mlp.layernorm",)):
            made.norm(at + name, HIDDEN)

    def run(w, **inputs):
        x = norm(w, "embeddings.LayerNorm", embeddings(w, **inputs))
        bias = alibi(heads, len(x))
        for i in range(LAYERS):
            at = f"encoder.layer.{i}."
            q, k, v = (dense(w, at + "attention.self." + name, x) for name in ("query", "key", "value"))
            if second:
                q, k = (norm(w, at + "attention.self.layer_norm_" + n, y) for n, y in (("q", q), ("k", k)))
            y = dense(w, at + "attention.output.dense", attend(q, k, v, heads, bias=bias))
            y = norm(w, at + "attention.output.LayerNorm", x + y)
            if second:
                x = norm(w, at + "layer_norm_1", x + y)
                up, gate = dense(w, at + "mlp.up_gated_layer", x).chunk(2, -1)
                x = norm(w, at + "layer_norm_2", x + dense(w, at + "mlp.down_layer", up * act(gate)))
            else:
                gate, up = dense(w, at + "mlp.gated_layers", y).chunk(2, -1)
                x = norm(w, at + "mlp.layernorm", y + dense(w, at + "mlp.wo", act(gate) * up))
        return x
    return config, made.tensors, run, 2


PUBLISHED = [
    ("nomic published", lambda: nomic({})),
    ("nomic published biases, geglu", lambda: nomic(dict(activation_function="geglu", qkv_proj_bias=True, mlp_fc1_bias=True,
                                                         mlp_fc2_bias=True))),
    ("nomic published glu, partial, interleaved", lambda: nomic(dict(activation_function="glu", rotary_emb_fraction=0.6,
                                                                     rotary_emb_interleaved=True))),
    ("nomic published gelu", lambda: nomic(dict(activation_function="gelu", mlp_fc1_bias=True, mlp_fc2_bias=True))),
    ("gte published", lambda: gte({})),
    ("gte published unpacked, no types", lambda: gte(dict(pack_qkv=False, type_vocab_size=0))),
    ("gte published ntk", lambda: gte(dict(rope_scaling={"type": "ntk", "factor": 8.0}))),
    ("jina published", lambda: jina({})),
    ("jina published reglu, 4 heads", lambda: jina(dict(feed_forward_type="reglu"), heads=4)),
    ("jina published 12 heads", lambda: jina({}, heads=12)),
    ("jina published norms of queries and keys", lambda: jina({}, second=True)),
]


def check_published(checker, name, make):
    config, tensors, run, types = make()
    folder = checker.root / name.replace(" ", "-").replace(",", "")
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "model.safetensors")
    weights = {key: value.double() for key, value in tensors.items()}
    reference = lambda **inputs: {"last_hidden_state": run(weights, **inputs)[None]}
    try:
        compare(checker, name, folder, reference, config["vocab_size"], LENGTHS + [64], types)
    except (RuntimeError, KeyError) as error:
        checker.say(False, name, str(error))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--only", default="", help="models whose names contain this")
    parser.add_argument("--full", action="store_true", help="models of published sizes")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as root:
        checker = Checker(pathlib.Path(arguments.program).resolve(), root)
        for name, model_type, fields in FULL if arguments.full else MODELS:
            if arguments.only in name and not (FOUR and "inner_group_num" in fields):  # which version 4 cannot run
                check_transformers(checker, name, model_type, fields, arguments.full)
        for name, make in [] if arguments.full else PUBLISHED:
            if arguments.only in name:
                check_published(checker, name, make)
        print("wrong:", checker.wrong)
    return checker.wrong > 0


if __name__ == "__main__":
    sys.exit(main())
