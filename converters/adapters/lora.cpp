#include "converters/adapters/lora.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/adapters/products.hpp"
#include "converters/derived_checkpoint.hpp"
#include "converters/files.hpp"
#include "converters/formats/elements.hpp"
#include "converters/plain_names.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kWeights[] = {"adapter_model.safetensors", "adapter_model.bin"};

std::string weights_of(const std::string& folder) {
  for (const char* name : kWeights) {
    if (is_file(join(folder, name))) return join(folder, name);
  }
  return "";
}

/// The tensors of one adapted module; null where there is none.
struct Module {
  const CheckpointTensor* a = nullptr;          // [rank, in]; of an embedding [rank, rows]
  const CheckpointTensor* b = nullptr;          // [out, rank]; of an embedding [features, rank]
  const CheckpointTensor* bias = nullptr;       // [out], of B
  const CheckpointTensor* magnitude = nullptr;  // [out]
  bool is_embedding = false;
};

/// A tensor's name in an adapter: `MODULE.lora_A.weight`, perhaps with the adapter's name in it.
struct LoraName {
  std::string module;
  std::string role;     // lora_A, ...
  std::string adapter;  // its name, often absent
  bool is_bias = false;
};

std::optional<LoraName> split_lora_name(const std::string& name) {
  const size_t at = name.find(".lora_");
  if (at == std::string::npos) return std::nullopt;
  LoraName split;
  split.module = name.substr(0, at);
  const size_t end = std::min(name.find('.', at + 1), name.size());
  split.role = name.substr(at + 1, end - at - 1);
  std::string rest = end == name.size() ? "" : name.substr(end + 1);
  split.is_bias = rest == "bias" || rest.ends_with(".bias");
  for (const std::string_view last : {"weight", "bias"}) {
    if (!rest.ends_with(last)) continue;
    rest.resize(rest.size() - last.size());
    if (rest.ends_with('.')) rest.pop_back();
    break;
  }
  split.adapter = rest;
  return split;
}

/// `score.modules_to_save.default.weight` is `score.weight`.
std::string without_wrapper(const std::string& name) {
  constexpr std::string_view kSaved = ".modules_to_save.";
  const size_t at = name.find(kSaved);
  if (at == std::string::npos) return name;
  const std::string rest = name.substr(at + kSaved.size());
  const size_t last = rest.rfind('.');
  return name.substr(0, at) + "." + (last == std::string::npos ? rest : rest.substr(last + 1));
}

/// How names of the adapter's modules become those of the base: the same with another prefix.
class Renaming {
 public:
  /// Of the first of `names` that the base has under any prefix. Looks for a few of them only: of
  /// adapters for this base all but the trained heads are there.
  static Renaming find(const Checkpoint& base, const std::vector<std::string>& names) {
    constexpr size_t kMost = 64;
    for (const std::string& name : std::span(names).first(std::min(names.size(), kMost))) {
      if (base.find(name) != nullptr) return {};
      for (size_t at = name.find('.'); at != std::string::npos; at = name.find('.', at + 1)) {
        if (base.find(name.substr(at + 1)) == nullptr) continue;
        return Renaming(name.substr(0, at + 1), "");
      }
      for (const CheckpointTensor& tensor : base.tensors()) {
        const size_t more = tensor.name.size() - std::min(tensor.name.size(), name.size());
        if (more < 2 || tensor.name[more - 1] != '.' || !tensor.name.ends_with(name)) continue;
        return Renaming("", tensor.name.substr(0, more));
      }
    }
    return {};
  }

  /// The name in the base; `name` itself if the base lacks the tensor.
  std::string operator()(const Checkpoint& base, const std::string& name) const {
    if (base.find(name) != nullptr || !name.starts_with(removed_)) return name;
    std::string renamed = added_ + name.substr(removed_.size());
    return base.find(renamed) == nullptr ? name : renamed;
  }

 private:
  Renaming() = default;
  Renaming(std::string removed, std::string added)
      : removed_(std::move(removed)), added_(std::move(added)) {}

  std::string removed_;
  std::string added_;
};

/// A tensor to which the adapter adds: of the base, or the adapter's own in its place.
struct Old {
  const CheckpointTensor* tensor = nullptr;
  bool is_own = false;

  Result<F32Tensor> read(const Checkpoint& base, const Checkpoint& adapter) const {
    return read_f32(is_own ? adapter : base, *tensor);
  }
};

/// Everything that computes one merged weight.
struct Merge {
  std::shared_ptr<const Checkpoint> adapter;
  Module module;
  Old weight;
  float scale = 0;
  bool is_transposed = false;  // the weight is [in, out]

  Status compute(const Checkpoint& stored, std::span<float> w) const {
    LW_ASSIGN_OR_RETURN(const F32Tensor old, weight.read(stored, *adapter));
    LW_ASSIGN_OR_RETURN(const F32Tensor a, read_f32(*adapter, *module.a));
    LW_ASSIGN_OR_RETURN(const F32Tensor b, read_f32(*adapter, *module.b));
    std::copy(old.values.begin(), old.values.end(), w.begin());
    const auto rank = static_cast<size_t>(module.a->shape[0]);
    const auto in = static_cast<size_t>(module.a->shape[1]);
    const auto out = static_cast<size_t>(module.b->shape[0]);
    if (is_transposed) {
      // (B A)^T = A^T B^T
      add_product(transposed(a.values, rank, in), transposed(b.values, out, rank), rank, scale, w,
                  out);
    } else {
      add_product(b.values, a.values, rank, scale, w, in);
    }
    if (module.magnitude == nullptr) return {};
    LW_ASSIGN_OR_RETURN(const F32Tensor m, read_f32(*adapter, *module.magnitude));
    set_magnitudes(m.values, is_transposed, w);
    return {};
  }
};

class Merger {
 public:
  Merger(const Checkpoint& base, LoraAdapter adapter)
      : base_(base), config_(std::move(adapter.config)), adapter_(std::move(adapter.checkpoint)) {
    derivation_.files = std::move(adapter.files);
  }

  Result<Derivation> derivation() && {
    LW_RETURN_IF_ERROR(sort_tensors());
    find_renaming();
    for (const auto& [module, tensors] : modules_) LW_RETURN_IF_ERROR(merge(module, tensors));
    for (const auto& [name, tensor] : whole_) {
      if (!merged_.contains(name)) replace(name, *tensor);
    }
    return std::move(derivation_);
  }

 private:
  /// By module, and those that replace a tensor of the base.
  Status sort_tensors() {
    for (const CheckpointTensor& tensor : adapter_->tensors()) {
      if (!tensor.foreign_type.empty() || !is_floating_point(tensor.type)) {
        return unsupported("tensor " + in_quotes(tensor.name) + " has elements of type " +
                           in_quotes(type_name(tensor)) + ", which is not supported");
      }
      const std::string name = plain_name(tensor.name);
      const std::optional<LoraName> lora = split_lora_name(name);
      if (lora) {
        LW_RETURN_IF_ERROR(add_to_module(*lora, tensor));
      } else if (!is_adapter_name(without_wrapper(name)) && !name.ends_with("_delta")) {
        whole_.emplace(without_wrapper(name), &tensor);
      } else {
        return other_kind(tensor.name);
      }
    }
    return {};
  }

  /// From here on `whole_` has the names of the base.
  void find_renaming() {
    std::vector<std::string> names;
    for (const auto& [module, tensors] : modules_) names.push_back(module + ".weight");
    for (const auto& [name, tensor] : whole_) names.push_back(name);
    renaming_ = Renaming::find(base_, names);
    std::map<std::string, const CheckpointTensor*> renamed;
    for (const auto& [name, tensor] : whole_) renamed.emplace(renaming_(base_, name), tensor);
    whole_ = std::move(renamed);
  }

  /// `name` as the base has it. Tensors of `base_` are listed as long as this exists.
  Old old_tensor(const std::string& name) const {
    const auto own = whole_.find(name);
    if (own != whole_.end()) return {own->second, true};
    return {base_.find(name), false};
  }

  static Status other_kind(const std::string& name) {
    return unsupported("tensor " + in_quotes(name) +
                       " is not one of LoRA, the only kind of adapter that is supported");
  }

  Status add_to_module(const LoraName& name, const CheckpointTensor& tensor) {
    if (!adapter_name_) adapter_name_ = name.adapter;
    if (*adapter_name_ != name.adapter) {
      return invalid_argument("the file holds several adapters: " + in_quotes(*adapter_name_) +
                              ", " + in_quotes(name.adapter));
    }
    Module& module = modules_[name.module];
    const bool is_embedding = name.role.starts_with("lora_embedding_");
    const CheckpointTensor** slot = nullptr;
    if (name.is_bias) {
      slot = name.role == "lora_B" ? &module.bias : nullptr;
    } else if (name.role == "lora_A" || name.role == "lora_embedding_A") {
      slot = &module.a;
    } else if (name.role == "lora_B" || name.role == "lora_embedding_B") {
      slot = &module.b;
    } else if (name.role == "lora_magnitude_vector") {
      slot = &module.magnitude;
    }
    if (slot == nullptr) return other_kind(tensor.name);
    module.is_embedding = module.is_embedding || is_embedding;
    *slot = &tensor;
    return {};
  }

  Status merge(const std::string& name, const Module& module) {
    if (module.a == nullptr || module.b == nullptr) {
      return invalid_argument("module " + in_quotes(name) + " has no " +
                              (module.a == nullptr ? "lora_A" : "lora_B"));
    }
    const std::string weight_name = renaming_(base_, name + ".weight");
    const Old weight = old_tensor(weight_name);
    if (weight.tensor == nullptr) {
      return invalid_argument("the base model has no tensor " + in_quotes(name + ".weight") +
                              ", which the adapter changes");
    }
    LW_ASSIGN_OR_RETURN(const bool is_transposed, check_shapes(name, module, *weight.tensor));
    const Merge merge{.adapter = adapter_,
                      .module = module,
                      .weight = weight,
                      .scale = static_cast<float>(config_.scale_of(name)),
                      .is_transposed = is_transposed};
    add(weight_name, *weight.tensor, [merge](const Checkpoint& stored, std::span<float> values) {
      return merge.compute(stored, values);
    });
    return module.bias == nullptr ? Status() : merge_bias(name, *module.bias);
  }

  template <typename Compute>
  void add(const std::string& name, const CheckpointTensor& old, Compute compute) {
    merged_.insert(name);
    derivation_.tensors.push_back(
        {name, old.shape, std::string(type_name(old)) + " + LoRA", std::move(compute)});
  }

  /// Returns whether the weight is [in, out]: of an embedding, of GPT-2, or as the config says.
  Result<bool> check_shapes(const std::string& name, const Module& module,
                            const CheckpointTensor& weight) const {
    const Shape& a = module.a->shape;
    const Shape& b = module.b->shape;
    const auto wrong = [&](const std::string& what) {
      return invalid_argument("module " + in_quotes(name) + ": lora_A " + to_string(a) +
                              " and lora_B " + to_string(b) + " " + what);
    };
    if (a.size() != 2 || b.size() != 2 || a[0] != b[1]) return wrong("are not two matrices");
    const int64_t rank = config_.rank_of(name);
    if (a[0] != rank) return wrong("do not have the rank " + std::to_string(rank));
    if (!weight.foreign_type.empty() || !is_floating_point(weight.type)) {
      return wrong("cannot be added to a weight of type " + in_quotes(type_name(weight)));
    }
    const Shape straight = {b[0], a[1]};
    const Shape turned = {a[1], b[0]};
    if (module.magnitude != nullptr) {
      LW_ASSIGN_OR_RETURN(const int64_t count, element_count(module.magnitude->shape));
      if (count != b[0])
        return wrong("do not fit the magnitudes " + to_string(module.magnitude->shape));
      if (module.is_embedding)
        return unsupported("module " + in_quotes(name) + ": DoRA of embeddings is not supported");
    }
    if (weight.shape == turned && (module.is_embedding || config_.fan_in_fan_out)) return true;
    if (weight.shape == straight && !module.is_embedding) return false;
    if (weight.shape == turned) return true;
    return wrong("do not fit the weight " + to_string(weight.shape));
  }

  Status merge_bias(const std::string& name, const CheckpointTensor& added) {
    const std::string bias_name = renaming_(base_, name + ".bias");
    const Old bias = old_tensor(bias_name);
    if (bias.tensor == nullptr || bias.tensor->shape != added.shape) {
      return invalid_argument("module " + in_quotes(name) + ": the base has no bias " +
                              to_string(added.shape) + ", to which that of lora_B is added");
    }
    const auto scale = static_cast<float>(config_.scale_of(name));
    add(bias_name, *bias.tensor,
        [adapter = adapter_, from = &added, bias, scale](const Checkpoint& stored,
                                                         std::span<float> values) -> Status {
          LW_ASSIGN_OR_RETURN(const F32Tensor old, bias.read(stored, *adapter));
          LW_ASSIGN_OR_RETURN(const F32Tensor more, read_f32(*adapter, *from));
          for (size_t i = 0; i < values.size(); ++i) {
            values[i] = old.values[i] + scale * more.values[i];
          }
          return {};
        });
    return {};
  }

  /// A tensor that the adapter has as a whole.
  void replace(const std::string& name, const CheckpointTensor& tensor) {
    derivation_.tensors.push_back(
        {name, tensor.shape, std::string(type_name(tensor)),
         [adapter = adapter_, from = &tensor](const Checkpoint&,
                                              std::span<float> values) -> Status {
           LW_ASSIGN_OR_RETURN(const F32Tensor elements, read_f32(*adapter, *from));
           std::copy(elements.values.begin(), elements.values.end(), values.begin());
           return {};
         }});
  }

  const Checkpoint& base_;
  LoraConfig config_;
  std::shared_ptr<const Checkpoint> adapter_;
  std::map<std::string, Module> modules_;
  std::map<std::string, const CheckpointTensor*> whole_;  // that replace one of the base
  std::set<std::string> merged_;
  std::optional<std::string> adapter_name_;
  Renaming renaming_ = Renaming::find(base_, {});
  Derivation derivation_;
};

}  // namespace

bool is_adapter_folder(const std::string& folder) {
  return is_file(join(folder, kConfig)) && !weights_of(folder).empty();
}

Result<LoraAdapter> open_adapter(const std::string& folder, const ConvertLimits& limits) {
  LoraAdapter adapter;
  adapter.folder = folder;
  const std::string path = join(folder, kConfig);
  LW_ASSIGN_OR_RETURN(const std::string json, read_text(path));
  LW_ASSIGN_OR_RETURN(const Config config, Config::parse(json, path));
  LW_ASSIGN_OR_RETURN(adapter.config, read_lora_config(config));
  LW_ASSIGN_OR_RETURN(adapter.checkpoint,
                      open_checkpoint_file(weights_of(folder), {.limits = limits}));
  adapter.files = {path};
  const auto files = adapter.checkpoint->files();
  adapter.files.insert(adapter.files.end(), files.begin(), files.end());
  return adapter;
}

Result<std::unique_ptr<Checkpoint>> merge_adapter(std::unique_ptr<Checkpoint> base,
                                                  LoraAdapter adapter) {
  const std::string label = in_quotes(adapter.folder);
  Result<Derivation> derivation = Merger(*base, std::move(adapter)).derivation();
  if (!derivation.ok()) return derivation.status().with_context(label);
  return derive(std::move(base), std::move(*derivation));
}

}  // namespace lanewise::converters
