#pragma once

#include <map>
#include <string>

#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// One model as make_hf_seq2seq_golden.py describes it.
struct HfCheckpoint {
  std::map<std::string, std::string> config;  ///< fields of config.json; values are JSON
  std::string generation_config;              ///< JSON; empty: there is none
  TensorMap tensors;
};

/// With the weights that the script computes, bit by bit.
HfCheckpoint hf_checkpoint(const std::string& variant);

/// The weight of that name. `eos` is the config's eos_token_id.
Tensor hf_weight(const std::string& name, const Shape& shape, int64_t eos);

/// Transformers' results for it.
TensorMap hf_golden(const std::string& variant);

}  // namespace lanewise::converters
