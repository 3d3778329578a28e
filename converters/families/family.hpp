#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/config.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "converters/report.hpp"
#include "converters/source_folder.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::converters {

struct Family;

struct FamilyInput {
  const Config& config;          ///< config.json
  const Checkpoint& checkpoint;  ///< for names: prefixes, optional parts; shapes are checked later
  SourceFolder& folder;          ///< for the files beside the config
  std::string subfolder;         ///< of `folder`, where config and tokenizer are; usually ""
  const Report& report;
  std::string config_folder;  ///< the folder of the config; usually that of `folder`
  const Family* family;
  bool encoder_alone = false;  ///< omit heads and decoders; requires has_encoder_form
};

/// A tensor that a graph reads.
struct ExpectedTensor {
  std::string name;
  Shape shape;
};

/// A checkpoint as interpreted by its family.
struct FamilyModel {
  graph::Graph graph;                   ///< textbook graph; weights have the checkpoint's names
  ModelInfo info;                       ///< without outputs, which come from the graph
  std::vector<ExpectedTensor> tensors;  ///< all tensors that `graph` reads, as a whole
  TensorParts parts;                    ///< what `graph` reads under names of its own
  std::vector<std::string> leftovers;   ///< tensors known not to be weights, if present
  std::vector<std::string> folded;      ///< tensors whose values became part of `parts`
  /// Whether every other tensor that `graph` does not read is an error, unless it is in `ignore`:
  /// names, or prefixes that end in a dot.
  bool strict = false;
  std::vector<std::string> ignore;
  /// JSON in the form of Tokenizer::to_json(); empty: use the folder's tokenizer.
  std::string tokenizer;
  bool lowercase_texts = false;  ///< before tokenization, whatever the tokenizer itself does
  std::string target_tokenizer;  ///< for the decoder's output; empty: `tokenizer` serves both
  /// chat::to_json(); empty: the templates of the folder.
  std::string chat_template;
};

/// A `model_type` in config.json.
struct ModelType {
  std::string_view name;
  /// The class of a tokenizer whose files name none; empty if the files tell it themselves.
  std::string_view tokenizer_class = {};
  /// What classes with a head put before the names of the model inside them (base_model_prefix in
  /// Transformers).
  std::string_view base_prefix = "model.";
};

/// A kind of model (converters/families.def).
struct Family {
  std::string_view name;
  std::span<const ModelType> model_types;
  /// Allocates no more than the checked ranges of the config allow, because the config may make
  /// false claims about the tensors.
  Result<FamilyModel> (*build)(const FamilyInput& input);
  bool has_encoder_form = false;  ///< supports FamilyInput::encoder_alone
};

#define LW_FAMILY(name) const Family& name##_family();
#include "converters/families.def"
#undef LW_FAMILY

/// Checks a position table that will be computed: `field` requests `positions` rows of `width`
/// features, width > 0. kInvalidArgument if ops/embedding would refuse so large a table.
Status check_made_positions(const Config& config, const std::string& field, int64_t positions,
                            int64_t width);

/// Returns the family of the config's model_type. kUnsupported lists the known types.
Result<const Family*> find_family(const Config& config);

/// The tokenizer class of a `model_type`; empty if there is none or it is unknown.
std::string_view tokenizer_class_of(std::string_view model_type) noexcept;

/// The base_prefix of a `model_type`; "model." if it is unknown.
std::string_view base_prefix_of(std::string_view model_type) noexcept;

}  // namespace lanewise::converters
