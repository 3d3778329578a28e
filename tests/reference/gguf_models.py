"""Writes models of Transformers as GGUF files, as llama.cpp's convert_hf_to_gguf.py does: its names, its metadata, and
its changes to tensors. Used by check_gguf.py."""

import math
import re

import gguf
import numpy as np
import torch

Type = gguf.GGMLQuantizationType

OUTSIDE = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
    "gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm", "embed_out": "output",
    "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
}  # fmt: skip
INSIDE = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.qkv_proj": "attn_qkv",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate_up_proj": "ffn_up",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
    "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output", "mlp.dense_h_to_4h": "ffn_up",
    "mlp.dense_4h_to_h": "ffn_down",
    "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
}  # fmt: skip
EXPERTS = {"mlp.gate": ["ffn_gate_inp"], "mlp.experts.gate_up_proj": ["ffn_gate_exps", "ffn_up_exps"],
           "mlp.experts.down_proj": ["ffn_down_exps"]}  # fmt: skip
ARCHITECTURES = {"mistral": "llama", "mixtral": "llama", "qwen3_moe": "qwen3moe", "gemma3_text": "gemma3",
                 "gpt_neox": "gptneox"}  # fmt: skip
PERMUTED = ("llama", "mistral", "mixtral", "smollm3")
NORMS_BEHIND = ("olmo2", "gemma2", "gemma3_text")  # post_attention_layernorm is what it is called


def gguf_name(name, model_type):
    stem, ending = name.rsplit(".", 1)
    if stem in OUTSIDE:
        return f"{OUTSIDE[stem]}.{ending}"
    layer, inside = re.fullmatch(r"(?:\w+\.)*(?:layers|h|layer)\.(\d+)\.(.+)", stem).groups()
    module = INSIDE[inside]
    if inside == "post_attention_layernorm" and model_type in NORMS_BEHIND:
        module = "post_attention_norm"
    return f"blk.{layer}.{module}.{ending}"


def parts_in_file(name, x, model_type):
    """The names and the parts of a parameter: gate and up of all experts are one tensor each in the file."""
    inside = re.sub(r".*layers\.\d+\.", "", name).removesuffix(".weight")
    if inside not in EXPERTS:
        return {gguf_name(name, model_type): x}
    layer = re.search(r"layers\.(\d+)\.", name).group(1)
    names = EXPERTS[inside]
    return {f"blk.{layer}.{part}.weight": rows for part, rows in zip(names, x.chunk(len(names), dim=-2))}


def rows_in_pairs(x, heads):
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def rows_in_thirds(x, heads):
    parts = x.reshape(heads, 3, x.shape[0] // heads // 3, *x.shape[1:])
    return torch.cat([parts[:, i].reshape(-1, *x.shape[1:]) for i in range(3)])


def converted(name, x, config):
    """The tensor as the file has it."""
    kind = config.model_type
    heads, kv_heads = config.num_attention_heads, getattr(config, "num_key_value_heads", None)
    if kind in PERMUTED and ".q_proj." in name:
        return rows_in_pairs(x, heads)
    if kind in PERMUTED and ".k_proj." in name:
        return rows_in_pairs(x, kv_heads or heads)
    if kind in ("gemma2", "gemma3_text") and name.endswith("norm.weight"):
        return x + 1
    if kind == "gpt2" and re.search(r"(c_attn|c_proj|c_fc)\.weight$", name):
        return x.T
    if kind == "gpt_neox" and ".query_key_value." in name:
        return rows_in_thirds(x, heads)
    return x


def original(name, x, config):
    """The inverse of converted()."""
    kind = config.model_type
    heads, kv_heads = config.num_attention_heads, getattr(config, "num_key_value_heads", None)
    if kind in PERMUTED and (".q_proj." in name or ".k_proj." in name):
        of = heads if ".q_proj." in name or not kv_heads else kv_heads
        return x.reshape(of, x.shape[0] // of // 2, 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)
    if kind in ("gemma2", "gemma3_text") and name.endswith("norm.weight"):
        return x - 1
    if kind == "gpt2" and re.search(r"(c_attn|c_proj|c_fc)\.weight$", name):
        return x.T
    if kind == "gpt_neox" and ".query_key_value." in name:
        parts = x.reshape(3, heads, x.shape[0] // heads // 3, *x.shape[1:])
        return parts.swapaxes(0, 1).reshape(x.shape)
    return x


def add_rope(writer, config, tensors):
    """Base, scaling and factors."""
    parameters = dict(getattr(config, "rope_parameters", None) or {})
    parameters = parameters.get("full_attention") or parameters
    if config.model_type in ("gpt2", "bert"):
        return
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    turned = int(head_dim * parameters.get("partial_rotary_factor", 1.0))
    writer.add_rope_freq_base(parameters["rope_theta"])
    if config.model_type in ("llama", "mistral", "mixtral", "smollm3", "phi3", "gpt_neox"):
        writer.add_rope_dimension_count(turned)
    kind = parameters.get("rope_type", "default")
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType[kind.upper()])
        writer.add_rope_scaling_factor(parameters["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(parameters["original_max_position_embeddings"])
    if kind == "longrope":
        positions, original_positions = config.max_position_embeddings, config.original_max_position_embeddings
        scale = positions / original_positions
        writer.add_rope_scaling_orig_ctx_len(original_positions)
        writer.add_rope_scaling_attn_factors(
            math.sqrt(1 + math.log(scale) / math.log(original_positions)) if scale > 1 else 1.0)
        for which in ("long", "short"):
            tensors[f"rope_factors_{which}.weight"] = torch.tensor(parameters[f"{which}_factor"], dtype=torch.float32)
    if kind == "llama3":
        tensors["rope_freqs.weight"] = llama3_factors(parameters, turned)


def llama3_factors(parameters, turned):
    plain = 1.0 / (parameters["rope_theta"] ** (torch.arange(0, turned, 2, dtype=torch.float32) / turned))
    factor, low, high = (parameters[key] for key in ("factor", "low_freq_factor", "high_freq_factor"))
    length = parameters["original_max_position_embeddings"]
    factors = []
    for wave in (2 * math.pi / plain).tolist():
        smooth = (length / wave - low) / (high - low)
        mixed = 1 / ((1 - smooth) / factor + smooth)
        factors.append(1.0 if wave < length / high else factor if wave > length / low else mixed)
    return torch.tensor(factors, dtype=torch.float32)


def add_hyperparameters(writer, config):
    kind = config.model_type
    head_dim = getattr(config, "head_dim", None)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    inner = config.n_inner or 4 * config.hidden_size if kind == "gpt2" else config.intermediate_size
    writer.add_feed_forward_length(inner)
    writer.add_head_count(config.num_attention_heads)
    if kind in ("gpt2", "gpt_neox", "bert"):
        writer.add_layer_norm_eps(config.layer_norm_epsilon if kind == "gpt2" else config.layer_norm_eps)
    else:
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        if head_dim:
            writer.add_key_length(head_dim)
            writer.add_value_length(head_dim)
    if kind in ("mixtral", "qwen3_moe"):
        writer.add_expert_count(config.num_local_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    if kind == "qwen3_moe":
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    if kind in ("llama", "mistral", "mixtral", "smollm3"):
        writer.add_vocab_size(config.vocab_size)
    if kind == "gpt_neox":
        writer.add_parallel_residual(config.use_parallel_residual)
    if kind in ("mistral", "phi3"):
        writer.add_sliding_window(config.sliding_window or 0)
    if kind in ("gemma2", "gemma3_text"):
        writer.add_sliding_window(config.sliding_window)
    if kind == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if kind == "bert":
        writer.add_causal_attention(False)
        writer.add_pooling_type(gguf.PoolingType.MEAN)
        writer.add_token_type_count(config.type_vocab_size)


def add_plain_vocabulary(writer, count):
    """Tokens that no text needs."""
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>"] + [f"\u2581t{i}" for i in range(3, count)])
    writer.add_token_scores([float(-i) for i in range(count)])
    writer.add_token_types(kinds + [gguf.TokenType.NORMAL] * (count - 3))


def stored(x, kind):
    """[rows, columns] as `kind`, or as f32 where it does not fit: bytes and their type."""
    data = x.detach().to(torch.float32).contiguous().numpy()
    size = gguf.GGML_QUANT_SIZES[kind][0]
    if data.ndim < 2 or data.shape[-1] % size != 0:
        kind = Type.F32
    return gguf.quants.quantize(data, kind), kind


def write(model, path, types=(Type.F32,), vocabulary=add_plain_vocabulary, name="test"):
    """Writes the file and gives the model's parameters the values that the file has. Matrices take turns in `types`."""
    config = model.config
    writer = gguf.GGUFWriter(path, ARCHITECTURES.get(config.model_type, config.model_type))
    writer.add_name(name)
    add_hyperparameters(writer, config)
    vocabulary(writer, config.vocab_size)
    tensors = {}
    add_rope(writer, config, tensors)
    for key, x in tensors.items():
        writer.add_tensor(key, x.numpy())
    matrices = 0
    for key, parameter in model.named_parameters():
        if key.startswith("pooler."):
            continue
        x = converted(key, parameter.data, config)
        read = []
        for stored_name, part in parts_in_file(key, x, config.model_type).items():
            data, kind = stored(part, types[matrices % len(types)])
            matrices += x.ndim > 1
            writer.add_tensor(stored_name, data, raw_dtype=kind)
            values = torch.from_numpy(np.ascontiguousarray(gguf.quants.dequantize(data, kind), dtype=np.float32))
            read.append(values.reshape(part.shape))
        parameter.data.copy_(original(key, read[0] if len(read) == 1 else torch.cat(read, dim=-2), config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
