#pragma once

#include <cstdint>
#include <string>

#include "converters/families/hf_decoder.hpp"
#include "converters/families/module_tensors.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// What parts of a decoder are written from.
struct DecoderSizes {
  int64_t vocabulary = 0;
  int64_t width = 0;
  double eps = 0;  ///< of layer norms
};

/// Parts that decoders with layer norms have in common. Nodes are named like the modules of the
/// checkpoint, after its prefix.
class DecoderWriter {
 public:
  /// `tensors` must outlive it.
  DecoderWriter(const DecoderSizes& sizes, DecoderTables tables, std::string prefix,
                ModuleTensors& tensors)
      : sizes_(sizes), tables_(std::move(tables)), prefix_(std::move(prefix)), tensors_(tensors) {}

  graph::Builder& builder() { return builder_; }
  ModuleTensors& tensors() { return tensors_; }
  const std::string& prefix() const { return prefix_; }

  /// Adds the input `input_ids`.
  graph::ValueId ids();
  /// Rows of the embedding; `spec` has everything but the table's name.
  graph::ValueId embed(const std::string& name, graph::ValueId ids, graph::EmbedSpec spec = {});
  graph::ValueId linear(const std::string& name, graph::ValueId x, int64_t out_features,
                        bool bias = true);
  graph::ValueId norm(const std::string& name, graph::ValueId x);
  /// Adds the output `logits`; `bias`: the name of its tensor, empty: none.
  void logits(const std::string& name, graph::ValueId x, const std::string& bias = "");

 private:
  DecoderSizes sizes_;
  DecoderTables tables_;
  std::string prefix_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
};

}  // namespace lanewise::converters
