#pragma once

#include <string>
#include <vector>

#include "converters/families/bart_config.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/module_tensors.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// Tensors that a checkpoint may share.
struct BartTables {
  std::string encoder;
  std::string decoder;
  std::string head;
};

/// Writes the textbook graph of BART and its relatives. Nodes are named like the modules in
/// Transformers, after `prefix`.
class BartWriter {
 public:
  /// prefix  precedes `encoder.` and `decoder.`; `final_logits_bias`, which belongs to the class
  ///         with the head, comes before its `model.`
  /// All arguments but prefix must outlive it.
  BartWriter(const BartConfig& config, const BartTables& tables, std::string prefix,
             ModuleTensors& tensors)
      : c_(config), tables_(tables), prefix_(std::move(prefix)), tensors_(tensors) {}

  graph::Graph write();

 private:
  graph::ValueId embed(const BartStack& stack, graph::ValueId ids, const std::string& table);
  void set_positions(const BartStack& stack, graph::EmbedSpec& spec);
  std::string m2m100_positions();
  graph::ValueId layer(const BartStack& stack, const std::string& name, graph::ValueId x,
                       const graph::ValueId* memory);
  graph::ValueId stack(const BartStack& stack, graph::ValueId x, const graph::ValueId* memory);
  graph::ValueId attention(const BartStack& stack, const std::string& name, graph::ValueId x,
                           graph::ValueId memory, bool causal);
  graph::ValueId feed_forward(const BartStack& stack, const std::string& name, graph::ValueId x);
  graph::ValueId linear(const std::string& name, graph::ValueId x, int64_t out_features);
  graph::ValueId norm(const std::string& name, graph::ValueId x);
  graph::ValueId head(graph::ValueId x);
  template <typename Block>
  graph::ValueId residual(const std::string& name, const std::string& norm_name, graph::ValueId x,
                          Block block);

  const BartConfig& c_;
  const BartTables& tables_;
  std::string prefix_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
};

}  // namespace lanewise::converters
