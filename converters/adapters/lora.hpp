#pragma once

#include <memory>
#include <string>
#include <vector>

#include "converters/adapters/lora_config.hpp"
#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A LoRA adapter in the form of PEFT: adapter_config.json, and adapter_model.safetensors or .bin.
struct LoraAdapter {
  std::string folder;
  LoraConfig config;
  std::unique_ptr<Checkpoint> checkpoint;
  std::vector<std::string> files;  ///< all that were read
};

/// Whether `folder` holds an adapter that open_adapter() can open: its config and its weights.
bool is_adapter_folder(const std::string& folder);

/// Opens the adapter in `folder`. Fails as read_lora_config() and open_checkpoint_file() do.
Result<LoraAdapter> open_adapter(const std::string& folder, const ConvertLimits& limits = {});

/// `base` with the adapter merged into its weights, as PEFT's merge_and_unload() does, in f32:
///
///   w + scale * B A                                                  LoRA (Hu et al. 2021,
///                                                                    arXiv:2106.09685)
///   m * (w + scale * B A) / norm(w + scale * B A), norms of rows     DoRA (Liu et al. 2024,
///                                                                    arXiv:2402.09353)
///
/// Tensors that the adapter has as a whole (modules_to_save, biases, embeddings) replace those of
/// the base. Modules are matched by their names; if the adapter's have another prefix than the
/// base's, such as `bert.`, by what is behind it.
///
/// Fails with kInvalidArgument, naming the tensor, if the base lacks a module or a shape does not
/// fit, and with kUnsupported for tensors of other adapters.
Result<std::unique_ptr<Checkpoint>> merge_adapter(std::unique_ptr<Checkpoint> base,
                                                  LoraAdapter adapter);

}  // namespace lanewise::converters
