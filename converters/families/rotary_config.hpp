#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converters/config.hpp"
#include "converters/families/module_tensors.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// The frequencies of rotary positions, as the operator rotary_angles takes them.
struct RotaryFrequencies {
  std::vector<float> frequencies;         ///< a pair each, radians per token
  double scale = 1;                       ///< of cosines and sines
  std::vector<float> long_frequencies{};  ///< for sequences of more than trained_tokens tokens
  int64_t trained_tokens = 0;             ///< 0: `frequencies` for all of them
};

/// What a model has by default, and how its older configs call it.
struct RotaryDefaults {
  double theta = 10000;
  double partial = 1;  ///< the part of a head that is turned
  bool whole = false;  ///< a part is refused: Transformers' class fails, or ignores the field
  const char* theta_field = "rope_theta";
  const char* partial_field = "partial_rotary_factor";
  /// Whether `original_max_position_embeddings` stands beside the parameters, as in Phi-3; then
  /// `su` and `yarn` are older names of `longrope` too.
  bool phi = false;
  /// Whether `ntk` is known: theta times `factor`, frequencies divided by factor^(2 / features), at
  /// every length, as in Alibaba's GTE.
  bool ntk = false;
};

/// The sizes that the frequencies depend on.
struct RotarySizes {
  int64_t head_dim = 0;
  int64_t max_positions = 0;
};

/// Reads `rope_parameters`, or `rope_scaling` with `rope_theta` beside it, as older configs write
/// it. For models whose layers have different positions, `layer_type` chooses among the members of
/// `rope_parameters`; otherwise it is empty.
///
/// Types: default, linear, dynamic, llama3, yarn, longrope. `dynamic` changes nothing for sequences
/// up to max_positions, which are all that the model takes.
///
/// Fails with kUnsupported for another type; with kInvalidArgument for a field with a wrong value,
/// naming it.
/// Source: modeling_rope_utils of Transformers 5; arXiv:2306.15595 (linear), 2309.00071 (yarn),
/// 2402.13753 (longrope).
Result<RotaryFrequencies> read_rotary(const Config& config, const RotaryDefaults& defaults,
                                      const RotarySizes& sizes, const std::string& layer_type = "");

/// The same of given parameters, for models that write them in a way of their own.
Result<RotaryFrequencies> rotary_from(const Config& config, const Config& parameters,
                                      const RotaryDefaults& defaults, const RotarySizes& sizes);

/// Writes the operator that computes the angles of the tokens `ids`; its tensors are named after
/// `name`.
graph::ValueId write_rotary_angles(const std::string& name, graph::ValueId ids,
                                   const RotaryFrequencies& rotary, graph::Builder& builder,
                                   ModuleTensors& tensors);

}  // namespace lanewise::converters
