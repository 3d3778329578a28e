#pragma once

#include <map>
#include <string>
#include <vector>

#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// What make_hf_seq2seq_golden.py, make_hf_decoder_golden.py or make_hf_encoder_golden.py wrote about one of its models.
struct HfCheckpoint {
  std::map<std::string, std::string> config;  ///< fields of config.json; values are JSON
  std::string generation_config;              ///< JSON; empty: there is none
  TensorMap tensors;
};

/// Where the scripts write, in tests/data.
inline const std::string kHfSeq2Seq = "hf_seq2seq";
inline const std::string kHfDecoders = "hf_decoders";
inline const std::string kHfEncoders = "hf_encoders";

/// The names of the script's models, in alphabetical order.
std::vector<std::string> hf_variants(const std::string& folder);

/// With weights as the scripts compute them, to the bit.
HfCheckpoint hf_checkpoint(const std::string& variant, const std::string& folder = kHfSeq2Seq);

/// The weight of that name. `eos` is the config's eos_token_id.
Tensor hf_weight(const std::string& name, const Shape& shape, int64_t eos);

/// What Transformers found for it.
TensorMap hf_golden(const std::string& variant, const std::string& folder = kHfSeq2Seq);

}  // namespace lanewise::converters
