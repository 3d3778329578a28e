#pragma once

#include <memory>

#include "converters/config.hpp"
#include "converters/derived_checkpoint.hpp"
#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

/// Weights that a checkpoint of Hugging Face stores quantised (quantization_config in config.json),
/// under the names and with the values that its model has.
namespace lanewise::converters {

/// A checkpoint whose weights are numbers.
struct UnpackedCheckpoint {
  std::unique_ptr<Checkpoint> checkpoint;
  /// Whether somebody made the weights small on purpose, so that they are best kept as they are.
  bool is_small = false;
};

/// Replaces quantised weights by their values, computed when they are read. Returns `stored` if the
/// config has no quantization_config.
///
/// Fails with kUnsupported, naming it, for an unknown quant_method or variant of one; with
/// kInvalidArgument, naming the tensor, if shapes do not fit each other.
Result<UnpackedCheckpoint> unpack_weights(std::unique_ptr<Checkpoint> stored, const Config& config);

// The methods: from all tensors and quantization_config to what changes.

/// GPTQ (Frantar et al. 2022, arXiv:2210.17323), AWQ (Lin et al. 2023, arXiv:2306.00978): integers
/// with a scale and a zero for each group of inputs, w = scale * (q - zero), which f32 has exactly.
Result<Derivation> unpack_gptq(const Checkpoint& stored, const Config& quantization);
Result<Derivation> unpack_awq(const Checkpoint& stored, const Config& quantization);

/// bitsandbytes: NF4 and FP4 (Dettmers et al. 2023, arXiv:2305.14314), and 8 bits with a scale for
/// each row. Values are products of two or three f32, rounded as such.
Result<Derivation> unpack_bitsandbytes(const Checkpoint& stored, const Config& quantization);

/// FP8 with a scale for a tensor, a row or a block. Values are products of two f32.
Result<Derivation> unpack_fp8(const Checkpoint& stored, const Config& quantization);

}  // namespace lanewise::converters
