#include "converters/plain_names.hpp"

#include <algorithm>
#include <iterator>

namespace lanewise::converters {
namespace {

/// Attributes in which wrappers store the wrapped module.
constexpr std::string_view kWrappers[] = {
    "_orig_mod",             // torch.compile
    "module",                // DataParallel, DistributedDataParallel, AveragedModel, DeepSpeed
    "_fsdp_wrapped_module",  // FullyShardedDataParallel
    "_fpw_module",           // fairscale's
    "_checkpoint_wrapped_module",  // activation checkpointing
    "_forward_module",             // Lightning Fabric
    "_module",                     // Opacus
    "base_layer",                  // PEFT: the layer beside an adapter
    "original_module",             // PEFT: the module beside a trained copy
};

/// The prefix of names in PEFT's outer model.
constexpr std::string_view kPeftRoot = "base_model.model.";

/// Attributes in which training code keeps an averaged copy of the model.
constexpr std::string_view kAverages[] = {"ema.",        "ema_model.",      "model_ema.",
                                          "ema_module.", "averaged_model.", "average_model.",
                                          "swa_model."};

/// Prefixes that PEFT and loralib give to an adapter's parameters.
constexpr std::string_view kAdapters[] = {
    "lora_",       "ia3_l", "hada_w",  "hada_t", "lokr_w",         "lokr_t",
    "oft_r",       "oft_R", "boft_R",  "boft_s", "vera_lambda_",   "randlora_",
    "fourierft_s", "bone_", "vblora_", "hra_u",  "modules_to_save"};

template <typename Each>
void for_each_part(std::string_view name, Each each) {
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    each(name.substr(begin, end - begin), end == name.size());
    begin = end + 1;
  }
}

}  // namespace

std::string plain_name(std::string_view name) {
  std::string plain;
  for_each_part(name, [&](std::string_view part, bool is_last) {
    const bool is_wrapper =
        std::find(std::begin(kWrappers), std::end(kWrappers), part) != std::end(kWrappers);
    if (is_wrapper && !is_last) return;
    plain.append(part).append(is_last ? "" : ".");
  });
  return plain.starts_with(kPeftRoot) ? plain.substr(kPeftRoot.size()) : plain;
}

bool is_wrapper_state(std::string_view name) {
  constexpr std::string_view kCount = "n_averaged";  // torch.optim.swa_utils.AveragedModel
  return name == kCount || name.ends_with(".n_averaged");
}

bool is_average_name(std::string_view plain) { return without_average(plain) != plain; }

std::string without_average(std::string_view plain) {
  for (const std::string_view average : kAverages) {
    if (plain.starts_with(average)) return std::string(plain.substr(average.size()));
  }
  return std::string(plain);
}

bool is_adapter_name(std::string_view name) {
  bool found = false;
  for_each_part(name, [&](std::string_view part, bool) {
    found = found || std::any_of(std::begin(kAdapters), std::end(kAdapters),
                                 [&](std::string_view start) { return part.starts_with(start); });
  });
  return found;
}

}  // namespace lanewise::converters
