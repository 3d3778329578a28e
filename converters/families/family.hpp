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
  SourceFolder& folder;          ///< for what stands beside the config
  std::string subfolder;         ///< of `folder`, where config and tokenizer are; usually ""
  const Report& report;
  std::string config_folder;  ///< where the config stands; usually that of `folder`
  const Family* family;
  bool encoder_alone = false;  ///< heads and decoders are not wanted; has_encoder_form
};

/// A tensor that a graph reads.
struct ExpectedTensor {
  std::string name;
  Shape shape;
};

/// A checkpoint as its family understands it.
struct FamilyModel {
  graph::Graph graph;                   ///< textbook graph; weights by the checkpoint's names
  ModelInfo info;                       ///< outputs stay empty: the graph tells them
  std::vector<ExpectedTensor> tensors;  ///< all that `graph` reads, whole
  TensorParts parts;                    ///< what `graph` knows by names of its own
  std::vector<std::string> leftovers;   ///< tensors known to be no weights, where present
  /// Whether every other tensor of the checkpoint that `graph` does not read is an error, unless it
  /// is in `ignore`: names, or prefixes that end in a dot.
  bool strict = false;
  std::vector<std::string> ignore;
  /// JSON, as Tokenizer::to_json() gives it; empty: what the folder has is looked for.
  std::string tokenizer;
  bool lowercase_texts = false;  ///< before the tokenizer sees them, whatever it does itself
  std::string target_tokenizer;  ///< of what a decoder writes; empty: `tokenizer` serves both
};

/// A kind of model (converters/families.def).
struct Family {
  std::string_view name;
  std::span<const std::string_view> model_types;  ///< `model_type` in config.json
  /// Allocates no more than a config of checked ranges asks for: whoever wrote the config may
  /// lie about the tensors.
  Result<FamilyModel> (*build)(const FamilyInput& input);
  bool has_encoder_form = false;  ///< FamilyInput::encoder_alone has a meaning
};

#define LW_FAMILY(name) const Family& name##_family();
#include "converters/families.def"
#undef LW_FAMILY

/// Of a table of positions that is made, not read: `field` asked for `positions` rows of `width`
/// features, width > 0. kInvalidArgument for more than ops/embedding makes.
Status check_made_positions(const Config& config, const std::string& field, int64_t positions,
                            int64_t width);

/// The family of `config`'s model_type. kUnsupported lists the known types.
Result<const Family*> find_family(const Config& config);

}  // namespace lanewise::converters
