"""Checkpoints with random weights, of any size, without any package: what a benchmark needs and nobody publishes.

The numbers are a block of 1 MiB, repeated: writing 4 GB takes seconds, and the time of a model does not depend on them.
"""
import array
import json
import pathlib
import random
import struct
from typing import Any, BinaryIO

Shapes = dict[str, tuple[int, ...]]
BLOCK_FLOATS = 1 << 18
SEED = 7


def _elements(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _write_repeated(file: BinaryIO, block: bytes, size_bytes: int) -> None:
    for _ in range(size_bytes // len(block)):
        file.write(block)
    file.write(block[:size_bytes % len(block)])


def write_safetensors(path: pathlib.Path, shapes: Shapes) -> None:
    """f32 tensors: norms are 1, everything else is uniform with a standard deviation of 0.03."""
    header, offset = {}, 0
    for name, shape in shapes.items():
        end = offset + 4 * _elements(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    generator = random.Random(SEED)
    noise = array.array("f", (generator.uniform(-0.05, 0.05) for _ in range(BLOCK_FLOATS))).tobytes()
    ones = array.array("f", [1.0] * BLOCK_FLOATS).tobytes()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            is_scale = "norm" in name.lower() and name.endswith("weight")
            _write_repeated(file, ones if is_scale else noise, 4 * _elements(shape))


def write_ids(path: pathlib.Path, rows: list[list[int]]) -> None:
    """input_ids [rows, length] for `lanewise run`; all rows have the same length."""
    header = {"input_ids": {"dtype": "I64", "shape": [len(rows), len(rows[0])],
                            "data_offsets": [0, 8 * len(rows) * len(rows[0])]}}
    text = json.dumps(header).encode()
    data = array.array("q", [token for row in rows for token in row]).tobytes()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def _write_folder(folder: pathlib.Path, config: dict[str, Any], shapes: Shapes) -> pathlib.Path:
    """Writes the weights first and the config last: a folder with a config is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / "model.safetensors", shapes)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def bert(folder: pathlib.Path, width: int, layers: int, vocabulary: int, positions: int = 512) -> pathlib.Path:
    """An encoder with heads of 64 (32 below a width of 512), without a pooler."""
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": width, "num_hidden_layers": layers,
              "num_attention_heads": max(1, width // (64 if width >= 512 else 32)), "intermediate_size": 4 * width,
              "hidden_act": "gelu", "layer_norm_eps": 1e-12, "max_position_embeddings": positions,
              "type_vocab_size": 2, "vocab_size": vocabulary, "pad_token_id": 0}
    shapes: Shapes = {"embeddings.word_embeddings.weight": (vocabulary, width),
                      "embeddings.position_embeddings.weight": (positions, width),
                      "embeddings.token_type_embeddings.weight": (2, width)}

    def add_linear(name: str, outputs: int, inputs: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs), (outputs,)

    def add_norm(name: str) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (width,), (width,)
    add_norm("embeddings.LayerNorm")
    for layer in range(layers):
        base = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            add_linear(f"{base}.attention.self.{part}", width, width)
        add_linear(f"{base}.attention.output.dense", width, width)
        add_norm(f"{base}.attention.output.LayerNorm")
        add_linear(f"{base}.intermediate.dense", 4 * width, width)
        add_linear(f"{base}.output.dense", width, 4 * width)
        add_norm(f"{base}.output.LayerNorm")
    return _write_folder(folder, config, shapes)


def llama(folder: pathlib.Path, width: int, layers: int, vocabulary: int, positions: int = 2048) -> pathlib.Path:
    """A decoder with heads of 64, a quarter as many for keys and values, and one table for input and output."""
    heads = max(1, width // 64)
    kv_heads, hidden = max(1, heads // 4), (8 * width // 3 + 63) // 64 * 64
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": width,
              "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
              "intermediate_size": hidden, "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
              "max_position_embeddings": positions, "vocab_size": vocabulary, "tie_word_embeddings": True,
              "bos_token_id": 1, "eos_token_id": 2}
    shapes: Shapes = {"model.embed_tokens.weight": (vocabulary, width)}
    kv = kv_heads * (width // heads)
    for layer in range(layers):
        base = f"model.layers.{layer}"
        shapes |= {f"{base}.input_layernorm.weight": (width,), f"{base}.self_attn.q_proj.weight": (width, width),
                   f"{base}.self_attn.k_proj.weight": (kv, width), f"{base}.self_attn.v_proj.weight": (kv, width),
                   f"{base}.self_attn.o_proj.weight": (width, width),
                   f"{base}.post_attention_layernorm.weight": (width,),
                   f"{base}.mlp.gate_proj.weight": (hidden, width), f"{base}.mlp.up_proj.weight": (hidden, width),
                   f"{base}.mlp.down_proj.weight": (width, hidden)}
    shapes["model.norm.weight"] = (width,)
    return _write_folder(folder, config, shapes)


def add_word_pieces(folder: pathlib.Path, count: int) -> list[str]:
    """Gives an encoder a WordPiece vocabulary of `count` made-up words and pieces; returns the words.

    The model needs as many ids; the file ends with the words.
    """
    generator = random.Random(SEED)
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters), ".", ","]
    syllables = [a + b for a in "bdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "is", "on")]
    pieces += [f"##{syllable}" for syllable in syllables]
    words: dict[str, None] = {}
    while len(pieces) + len(words) < count:
        words["".join(generator.choice(syllables) for _ in range(generator.randint(1, 3)))] = None
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in [*pieces, *words]))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer",
                                                              "do_lower_case": True}))
    return list(words)


def made_up_text(words: list[str], length_bytes: int, line_bytes: int = 0) -> str:
    """Sentences of the words, some of them joined to unknown ones; lines of about `line_bytes`, or a single one."""
    generator = random.Random(SEED)
    lines, line, total = [], "", 0
    while total + len(line) < length_bytes:
        word = generator.choice(words) + (generator.choice(words) if generator.random() < 0.2 else "")
        line += word + (". " if generator.random() < 0.1 else " ")
        if line_bytes and len(line) >= line_bytes:
            lines.append(line.strip())
            total, line = total + len(line), ""
    return "\n".join([*lines, line.strip()] if line.strip() else lines) + "\n"
