#include "converters/gguf/architecture.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr std::string_view kLayer = "blk.";
constexpr std::string_view kEmbedding = "token_embd.weight";

// Ranges that no such model leaves.
constexpr int64_t kMostLayers = 4096;
constexpr int64_t kMostFeatures = 1 << 20;
constexpr int64_t kMostContext = INT32_MAX / 4;

/// A tensor's name in parts: `blk.`, 3, `attn_q`, `.weight`; without a number outside of layers.
struct NameParts {
  std::optional<int64_t> layer;
  std::string_view module;
  std::string_view ending;
};

std::optional<NameParts> split(std::string_view name) {
  NameParts parts;
  const size_t dot = name.rfind('.');
  if (dot == name.npos) return std::nullopt;
  parts.ending = name.substr(dot);
  if (parts.ending != ".weight" && parts.ending != ".bias") return std::nullopt;
  parts.module = name.substr(0, dot);
  if (!parts.module.starts_with(kLayer)) return parts;
  parts.module.remove_prefix(kLayer.size());
  const char* const begin = parts.module.data();
  int64_t layer = 0;
  const auto [end, error] = std::from_chars(begin, begin + parts.module.size(), layer);
  const auto digits = static_cast<size_t>(end - begin);
  const bool canonical = digits > 0 && (digits == 1 || *begin != '0') && *begin != '-';
  if (error != std::errc() || !canonical) return std::nullopt;
  if (digits == parts.module.size() || *end != '.') return std::nullopt;
  parts.layer = layer;
  parts.module.remove_prefix(digits + 1);
  return parts;
}

const GgufModule* find_module(const GgufArchitecture& architecture, const NameParts& parts) {
  const auto list = parts.layer ? architecture.inside : architecture.outside;
  const auto found = std::ranges::find(list, parts.module, &GgufModule::gguf);
  return found == list.end() ? nullptr : &*found;
}

/// Queries have `heads`, keys `kv_heads`.
Result<int64_t> heads_of(const GgufModule& module, const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(const int64_t heads,
                      input.fields.integer("attention.head_count", 1, kMostFeatures));
  if (module.gguf != "attn_k") return heads;
  return input.fields.integer_or("attention.head_count_kv", heads, 1, kMostFeatures);
}

}  // namespace

const GgufArchitecture* find_gguf_architecture(std::string_view name, bool has_experts) {
  const GgufArchitecture* found = nullptr;
  for (const auto list : {gguf_decoders(), gguf_classics()}) {
    for (const GgufArchitecture& architecture : list) {
      if (architecture.name != name) continue;
      if (found == nullptr || architecture.has_experts == has_experts) found = &architecture;
    }
  }
  return found;
}

Result<std::vector<RearrangedTensor>> name_tensors(const GgufArchitecture& architecture,
                                                   const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(const int64_t layers, input.fields.integer("block_count", 1, kMostLayers));
  std::vector<RearrangedTensor> list;
  for (const CheckpointTensor& tensor : input.tensors.tensors()) {
    if (std::ranges::find(architecture.read_early, tensor.name) != architecture.read_early.end()) {
      continue;
    }
    const std::optional<NameParts> parts = split(tensor.name);
    const GgufModule* module = parts ? find_module(architecture, *parts) : nullptr;
    if (module == nullptr) {
      return unsupported("tensor " + in_quotes(tensor.name) + " is not known for architecture " +
                         in_quotes(architecture.name));
    }
    if (parts->layer && *parts->layer >= layers) {
      return data_loss("tensor " + in_quotes(tensor.name) + " belongs to none of the " +
                       std::to_string(layers) + " layers");
    }
    RearrangedTensor named;
    named.stored = tensor.name;
    if (parts->layer) {
      named.name = std::string(architecture.layers) + std::to_string(*parts->layer) + ".";
    }
    named.name.append(module->module).append(parts->ending);
    named.how = parts->ending == ".bias" ? module->bias : module->weight;
    LW_ASSIGN_OR_RETURN(named.heads, heads_of(*module, input));
    list.push_back(std::move(named));
  }
  return list;
}

std::string gguf_name(const GgufArchitecture& architecture, const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == name.npos) return name;
  std::string_view module = std::string_view(name).substr(0, dot);
  std::string made;
  auto list = architecture.outside;
  if (module.starts_with(architecture.layers)) {
    module.remove_prefix(architecture.layers.size());
    const size_t end = module.find('.');
    if (end == module.npos) return name;
    made = std::string(kLayer) + std::string(module.substr(0, end + 1));
    module.remove_prefix(end + 1);
    list = architecture.inside;
  }
  const auto found = std::ranges::find(list, module, &GgufModule::module);
  if (found == list.end()) return name;
  return made.append(found->gguf).append(name.substr(dot));
}

Result<GgufSizes> read_gguf_sizes(const GgufInput& input) {
  GgufSizes sizes;
  const GgufFields& fields = input.fields;
  LW_ASSIGN_OR_RETURN(sizes.layers, fields.integer("block_count", 1, kMostLayers));
  LW_ASSIGN_OR_RETURN(sizes.width, fields.integer("embedding_length", 1, kMostFeatures));
  LW_ASSIGN_OR_RETURN(sizes.hidden, fields.integer("feed_forward_length", 1, kMostFeatures));
  LW_ASSIGN_OR_RETURN(sizes.heads, fields.integer("attention.head_count", 1, kMostFeatures));
  LW_ASSIGN_OR_RETURN(sizes.context, fields.integer("context_length", 1, kMostContext));
  const CheckpointTensor* embedding = input.tensors.find(kEmbedding);
  if (embedding == nullptr) return data_loss("tensor " + in_quotes(kEmbedding) + " is missing");
  if (embedding->shape.size() != 2 || embedding->shape[0] < 1) {
    return data_loss("tensor " + in_quotes(kEmbedding) + " has the shape " +
                     to_string(embedding->shape) + ", expected [vocabulary, " +
                     std::to_string(sizes.width) + "]");
  }
  sizes.vocabulary = embedding->shape[0];
  LW_ASSIGN_OR_RETURN(const int64_t vocabulary,
                      fields.integer_or("vocab_size", sizes.vocabulary, 1, INT32_MAX));
  if (vocabulary == sizes.vocabulary) return sizes;
  return fields.wrong("vocab_size",
                      std::to_string(sizes.vocabulary) + " as in " + in_quotes(kEmbedding));
}

bool has_tensor(const GgufInput& input, std::string_view name) {
  return input.tensors.find(name) != nullptr;
}

}  // namespace lanewise::converters
