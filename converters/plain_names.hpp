#pragma once

#include <string>
#include <string_view>

namespace lanewise::converters {

/// A tensor's name without what libraries that wrap a module put into it: `_orig_mod.`
/// (torch.compile), `module.` (data parallelism), `base_layer.` (PEFT) and their like, anywhere in
/// the name.
std::string plain_name(std::string_view name);

/// Whether it is a tensor of an adapter (LoRA and its relatives) that stands beside the weights
/// which it would change.
bool is_adapter_name(std::string_view name);

}  // namespace lanewise::converters
