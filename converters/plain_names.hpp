#pragma once

#include <string>
#include <string_view>

namespace lanewise::converters {

/// A tensor's name without the parts that wrappers of a module insert anywhere in it: `_orig_mod.`
/// (torch.compile), `module.` (data parallelism), `base_layer.` (PEFT) and others.
std::string plain_name(std::string_view name);

/// Whether a tensor belongs to a wrapper and is not a weight, such as a count of averaged models.
bool is_wrapper_state(std::string_view name);

/// Whether it is a tensor of an averaged copy of the model (EMA, SWA): its plain name begins with
/// `ema.`, `ema_model.` or another usual name of such a copy.
bool is_average_name(std::string_view plain);

/// The plain name of a tensor of an averaged copy, as the model itself has it.
std::string without_average(std::string_view plain);

/// Whether it is a tensor of an adapter (LoRA and its relatives) that is stored beside the weights
/// that it modifies.
bool is_adapter_name(std::string_view name);

}  // namespace lanewise::converters
