#include "tests/converters/gguf_model_file.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "runtime/text/byte_level.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;

constexpr uint32_t kGgufModelFileF32 = 0;
constexpr uint32_t kQ8_0 = 8;
constexpr uint16_t kHalfOf128th = 0x2000;  // 2^-7 in f16

template <typename T>
std::string packed(const std::vector<T>& list) {
  return {reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T)};
}

std::vector<uint64_t> dims_of(const Shape& shape) {
  std::vector<uint64_t> dims(shape.begin(), shape.end());
  std::reverse(dims.begin(), dims.end());
  return dims;
}

/// The names of llama.cpp by those of Transformers.
const std::map<std::string, std::string> kGgufModelFileNames = {
    {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"},
    {"lm_head", "output"},
    {"transformer.wte", "token_embd"},
    {"transformer.wpe", "position_embd"},
    {"transformer.ln_f", "output_norm"},
    {"gpt_neox.embed_in", "token_embd"},
    {"gpt_neox.final_layer_norm", "output_norm"},
    {"embed_out", "output"},
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.gate_up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"ln_1", "attn_norm"},
    {"attn.c_attn", "attn_qkv"},
    {"attn.c_proj", "attn_output"},
    {"ln_2", "ffn_norm"},
    {"mlp.c_fc", "ffn_up"},
    {"mlp.c_proj", "ffn_down"},
    {"attention.query_key_value", "attn_qkv"},
    {"attention.dense", "attn_output"},
    {"mlp.dense_h_to_4h", "ffn_up"},
    {"mlp.dense_4h_to_h", "ffn_down"},
};

class Maker {
 public:
  Maker(const HfCheckpoint& checkpoint, bool q8) : checkpoint_(checkpoint), q8_(q8) {
    for (const auto& [field, value] : checkpoint.config) config_[field] = Json::parse(value);
    type_ = config_.at("model_type");
    arch_ = type_;
    if (type_ == "mistral") arch_ = "llama";
    if (type_ == "gemma3_text") arch_ = "gemma3";
    if (type_ == "gpt_neox") arch_ = "gptneox";
  }

  GgufModelFile make() {
    file_.text("general.architecture", arch_);
    sizes();
    if (type_ != "gpt2") rope();
    particulars();
    for (const auto& [name, tensor] : checkpoint_.tensors) add(name, tensor);
    return std::move(file_);
  }

 private:
  std::string key(const std::string& name) const { return arch_ + "." + name; }
  bool is(std::initializer_list<const char*> types) const {
    return std::ranges::any_of(types, [&](const char* type) { return type_ == type; });
  }
  bool is_gemma() const { return is({"gemma2", "gemma3_text"}); }
  uint32_t integer(const char* field, const char* alias = "") const {
    return config_.contains(field) ? config_.at(field).get<uint32_t>()
                                   : config_.at(alias).get<uint32_t>();
  }
  uint32_t heads() const { return integer("num_attention_heads", "n_head"); }
  uint32_t kv_heads() const {
    return config_.contains("num_key_value_heads") ? integer("num_key_value_heads") : heads();
  }
  uint32_t width() const { return integer("hidden_size", "n_embd"); }
  uint32_t head_dim() const {
    return config_.contains("head_dim") ? integer("head_dim") : width() / heads();
  }

  void sizes() {
    file_.u32(key("block_count"), integer("num_hidden_layers", "n_layer"));
    file_.u32(key("embedding_length"), width());
    file_.u32(key("context_length"), integer("max_position_embeddings", "n_positions"));
    file_.u32(key("feed_forward_length"),
              type_ == "gpt2" ? 4 * width() : integer("intermediate_size"));
    file_.u32(key("attention.head_count"), heads());
    if (is({"gpt2", "gpt_neox"})) {
      file_.f32(key("attention.layer_norm_epsilon"), 1e-5F);
      return;
    }
    file_.u32(key("attention.head_count_kv"), kv_heads());
    const float eps = is({"phi3", "olmo2"}) ? 1e-5F : 1e-6F;
    file_.f32(key("attention.layer_norm_rms_epsilon"), config_.value("rms_norm_eps", eps));
    if (config_.contains("head_dim")) {
      file_.u32(key("attention.key_length"), head_dim());
      file_.u32(key("attention.value_length"), head_dim());
    }
  }

  void rope() {
    Json rope = config_.value("rope_parameters", config_.value("rope_scaling", Json::object()));
    float base = is({"gemma3_text"}) ? 1e6F : is({"smollm3"}) ? 2e6F : 1e4F;
    base = config_.value("rope_theta", config_.value("rotary_emb_base", base));
    base = rope.value("rope_theta", base);
    file_.f32(key("rope.freq_base"), base);
    const double part = config_.value("rotary_pct", 1.0);
    const auto turned = static_cast<uint32_t>(head_dim() * part);
    file_.u32(key("rope.dimension_count"), turned);
    const std::string kind = rope.value("rope_type", rope.value("type", "default"));
    if (kind == "yarn") {
      file_.text(key("rope.scaling.type"), "yarn");
      file_.f32(key("rope.scaling.factor"), rope.at("factor"));
      file_.u32(key("rope.scaling.original_context_length"),
                rope.at("original_max_position_embeddings"));
    }
    if (kind == "llama3") llama3(rope, base, turned);
    if (kind == "longrope") {
      for (const char* which : {"short", "long"}) {
        const auto factors = rope.at(std::string(which) + "_factor").get<std::vector<float>>();
        file_.tensor(std::string("rope_factors_") + which + ".weight",
                     {static_cast<int64_t>(factors.size())}, factors);
      }
      file_.u32(key("rope.scaling.original_context_length"),
                integer("original_max_position_embeddings"));
      file_.f32(key("rope.scaling.attn_factor"), 1);
    }
  }

  void llama3(const Json& rope, double base, uint32_t turned) {
    const double factor = rope.at("factor"), low = rope.at("low_freq_factor");
    const double high = rope.at("high_freq_factor");
    const double length = rope.at("original_max_position_embeddings");
    std::vector<float> factors;
    for (uint32_t i = 0; i < turned; i += 2) {
      const double wave = 2 * std::numbers::pi * std::pow(base, static_cast<double>(i) / turned);
      const double smooth = (length / wave - low) / (high - low);
      const double mixed = 1 / ((1 - smooth) / factor + smooth);
      factors.push_back(static_cast<float>(wave < length / high  ? 1
                                           : wave > length / low ? factor
                                                                 : mixed));
    }
    file_.tensor("rope_freqs.weight", {static_cast<int64_t>(factors.size())}, factors);
  }

  void particulars() {
    if (is({"mistral", "phi3", "gemma2", "gemma3_text"}) && config_.contains("sliding_window")) {
      file_.u32(key("attention.sliding_window"), integer("sliding_window"));
    }
    if (config_.contains("sliding_window_pattern")) {
      file_.u32(key("attention.sliding_window_pattern"), integer("sliding_window_pattern"));
    }
    if (config_.contains("rope_local_base_freq")) {
      file_.f32(key("rope.freq_base_swa"), config_.at("rope_local_base_freq"));
    }
    for (const char* cap : {"attn_logit_softcapping", "final_logit_softcapping"}) {
      if (config_.contains(cap)) file_.f32(key(cap), config_.at(cap));
    }
    if (type_ == "gpt_neox") file_.boolean(key("use_parallel_residual"), true);
  }

  std::string name_of(const std::string& name) const {
    const size_t dot = name.rfind('.');
    std::string stem = name.substr(0, dot);
    if (const auto found = kGgufModelFileNames.find(stem); found != kGgufModelFileNames.end()) {
      return found->second + name.substr(dot);
    }
    for (const char* layers : {"model.layers.", "transformer.h.", "gpt_neox.layers."}) {
      if (stem.starts_with(layers)) stem = stem.substr(std::string(layers).size());
    }
    const size_t after = stem.find('.');
    const std::string module = stem.substr(after + 1);
    const bool behind =
        module == "post_attention_layernorm" && is({"olmo2", "gemma2", "gemma3_text"});
    return "blk." + stem.substr(0, after) + "." +
           (behind ? "post_attention_norm" : kGgufModelFileNames.at(module)) + name.substr(dot);
  }

  /// Row `row` of the file is which one of Transformers.
  int64_t row_of(const std::string& name, int64_t rows, int64_t row) const {
    const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
    if (is({"llama", "mistral", "smollm3"}) && (has(".q_proj.") || has(".k_proj."))) {
      const int64_t size = rows / (has(".q_proj.") ? heads() : kv_heads());
      const int64_t head = row / size, pair = row % size / 2, second = row % 2;
      return head * size + second * (size / 2) + pair;
    }
    if (has("query_key_value")) {
      const int64_t size = rows / 3 / heads();
      const int64_t third = row / (rows / 3), head = row / size % heads();
      return (head * 3 + third) * size + row % size;
    }
    return row;
  }

  void add(const std::string& name, const Tensor& tensor) {
    Shape shape = tensor.shape();
    const float* values = tensor.as<float>();
    const int64_t rows = shape[0], columns = shape.size() > 1 ? shape[1] : 1;
    const bool transposed =
        type_ == "gpt2" && shape.size() == 2 && (name.find("c_") != std::string::npos);
    std::vector<float> out;
    if (transposed) {
      std::swap(shape[0], shape[1]);
      for (int64_t i = 0; i < columns * rows; ++i) {
        out.push_back(values[i % rows * columns + i / rows]);
      }
    } else {
      for (int64_t row = 0; row < rows; ++row) {
        const float* from = values + row_of(name, rows, row) * columns;
        out.insert(out.end(), from, from + columns);
      }
    }
    if (is_gemma() && name.ends_with("norm.weight")) {
      for (float& value : out) value += 1;
    }
    const bool blocks = q8_ && shape.size() == 2 && shape[1] % 32 == 0;
    blocks ? file_.q8_tensor(name_of(name), shape, out) : file_.tensor(name_of(name), shape, out);
  }

  const HfCheckpoint& checkpoint_;
  const bool q8_;
  Json config_ = Json::object();
  std::string type_;
  std::string arch_;
  GgufModelFile file_;
};

}  // namespace

void GgufModelFile::numbers(const std::string& key, const std::vector<int32_t>& list) {
  entries[key] = {kGgufArray, gguf_array(kGgufI32, list.size(), packed(list))};
}

void GgufModelFile::floats(const std::string& key, const std::vector<float>& list) {
  entries[key] = {kGgufArray, gguf_array(kGgufF32, list.size(), packed(list))};
}

void GgufModelFile::tensor(const std::string& name, const Shape& shape,
                           const std::vector<float>& values) {
  tensors[name] = {name, dims_of(shape), kGgufModelFileF32, packed(values)};
}

void GgufModelFile::q8_tensor(const std::string& name, const Shape& shape,
                              const std::vector<float>& values) {
  std::string elements;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % 32 == 0) elements += gguf_bytes(kHalfOf128th);
    elements += gguf_bytes(static_cast<int8_t>(values[i] * 128));
  }
  tensors[name] = {name, dims_of(shape), kQ8_0, elements};
}

std::string GgufModelFile::bytes() const {
  GgufWriter writer;
  for (const auto& [key, entry] : entries) writer.add(key, entry.first, entry.second);
  for (const auto& [name, tensor] : tensors) writer.tensors.push_back(tensor);
  return writer.bytes();
}

GgufModelFile gguf_model_file(const HfCheckpoint& checkpoint, bool q8) {
  return Maker(checkpoint, q8).make();
}

void add_byte_level_tokenizer(GgufModelFile& file, size_t count) {
  std::vector<std::string> tokens = {"<pad>", "<s>", "</s>", "<|im_end|>", "<tool>"};
  std::vector<int32_t> types = {3, 3, 3, 1, 4};
  for (int byte = 0; byte < 256; ++byte) {
    std::string token;
    text::append_utf8(text::byte_level_character(static_cast<uint8_t>(byte)), &token);
    tokens.push_back(token);
  }
  std::vector<std::string> merges;
  for (const char* pair : {"h e", "l l", "he ll", "hell o", "\u0120 w", "1 2"}) {
    merges.emplace_back(pair);
    std::string token = pair;
    token.erase(token.find(' '), 1);
    tokens.push_back(token);
  }
  while (tokens.size() < count) tokens.push_back("[PAD" + std::to_string(tokens.size()) + "]");
  types.resize(tokens.size(), 1);
  file.text("tokenizer.ggml.model", "gpt2");
  file.text("tokenizer.ggml.pre", "llama-bpe");
  file.texts("tokenizer.ggml.tokens", tokens);
  file.numbers("tokenizer.ggml.token_type", types);
  file.texts("tokenizer.ggml.merges", merges);
  file.u32("tokenizer.ggml.bos_token_id", 1);
  file.u32("tokenizer.ggml.eos_token_id", 2);
  file.u32("tokenizer.ggml.padding_token_id", 0);
}

}  // namespace lanewise::converters
