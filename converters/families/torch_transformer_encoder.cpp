// torch.nn.TransformerEncoder after an embedding, followed by a linear layer on each token if the
// checkpoint has one.

#include <array>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/families/family.hpp"
#include "converters/families/module_tensors.hpp"
#include "converters/families/sequence_config.hpp"
#include "converters/families/torch_layers.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr const char* kTable = "embedding.weight";
constexpr const char* kTorchTransformerEncoderPositions = "positional_encoding.pos_embedding";
constexpr const char* kEncoderOnlyPrefix = "encoder";
constexpr const char* kHead = "out";

constexpr std::array kTorchTransformerEncoderFields =
    std::to_array<std::string_view>({"activation",
                                     "bias",
                                     "bos_token_id",
                                     "d_model",
                                     "dim_feedforward",
                                     "eos_token_id",
                                     "ignore",
                                     "keys",
                                     "layer_norm_eps",
                                     "max_length",
                                     "nhead",
                                     "norm_first",
                                     "num_layers",
                                     "pad_token_id",
                                     "scale_embedding",
                                     "source_bos_token_id",
                                     "source_eos_token_id",
                                     "source_lowercase",
                                     "source_split",
                                     "source_vocabulary",
                                     "unk_token"});

/// Sizes from the checkpoint's shapes and names, checked against the config.
struct TorchTransformerEncoderSizes {
  int64_t features = 0;
  int64_t vocabulary = 0;
  int64_t layers = 0;
};

Result<TorchTransformerEncoderSizes> read_torch_transformer_encoder_sizes(const Config& config,
                                                                          ModuleTensors& tensors) {
  TorchTransformerEncoderSizes sizes;
  LW_ASSIGN_OR_RETURN(const Shape table, tensors.shape(kTable, 2));
  sizes.vocabulary = table[0];
  sizes.features = table[1];
  LW_ASSIGN_OR_RETURN(sizes.layers, tensors.layers(std::string(kEncoderOnlyPrefix) + ".layers."));
  LW_RETURN_IF_ERROR(expect_agreement(config, "num_layers", sizes.layers, "the checkpoint"));
  LW_RETURN_IF_ERROR(expect_layer_agreement(config, tensors, kEncoderOnlyPrefix));
  return sizes;
}

graph::Graph write_torch_transformer_encoder_graph(const TorchLayerConfig& config,
                                                   const TorchTransformerEncoderSizes& sizes,
                                                   const TorchPositions& positions,
                                                   ModuleTensors& tensors) {
  TorchLayerWriter writer(config, tensors);
  graph::Builder& builder = writer.builder();
  const ValueId ids = builder.input("input_ids", graph::RowSymbol::kSourceTokens);
  ValueId x = writer.embed("embedding", ids, kTable, sizes.vocabulary, positions);
  x = writer.encoder(kEncoderOnlyPrefix, x, sizes.layers);
  builder.output("last_hidden_state", x);
  const std::string weight = std::string(kHead) + ".weight";
  if (tensors.has(weight)) {
    builder.output("logits", writer.linear(kHead, x, tensors.rows(weight)));
  }
  return std::move(builder).take();
}

/// Nothing is generated, but ids without a token are a mistake.
Status check_special_tokens(const Config& config, int64_t vocabulary) {
  for (const char* field : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
    LW_RETURN_IF_ERROR(config.integers(field, 0, static_cast<int32_t>(vocabulary - 1)).status());
  }
  return {};
}

Result<FamilyModel> build_torch_transformer_encoder(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors,
                      ModuleTensors::create(input.config, input.checkpoint, kTable));
  LW_ASSIGN_OR_RETURN(const TorchTransformerEncoderSizes sizes,
                      read_torch_transformer_encoder_sizes(input.config, tensors));
  LW_ASSIGN_OR_RETURN(const TorchLayerConfig config,
                      read_torch_layers(input.config, sizes.features));
  LW_ASSIGN_OR_RETURN(const TorchPositions positions,
                      read_torch_positions(input.config, tensors, kTorchTransformerEncoderPositions,
                                           sizes.features));
  LW_RETURN_IF_ERROR(check_special_tokens(input.config, sizes.vocabulary));
  FamilyModel model;
  model.graph = write_torch_transformer_encoder_graph(config, sizes, positions, tensors);
  model.info.family = "torch_transformer_encoder";
  model.info.task = "encoder";
  model.info.vocabulary_size = sizes.vocabulary;
  model.info.max_tokens = positions.count;
  model.info.max_text_tokens = positions.count;
  LW_ASSIGN_OR_RETURN(model.tokenizer,
                      source_tokenizer(input, sizes.vocabulary, tensors.file_name(kTable)));
  LW_RETURN_IF_ERROR(tensors.check_keys());
  LW_RETURN_IF_ERROR(expect_all_read(input.config, model));
  std::move(tensors).move_into(model);
  report_unknown_fields(input, kTorchTransformerEncoderFields);
  return model;
}

}  // namespace

const Family& torch_transformer_encoder_family() {
  static constexpr ModelType kModelTypes[] = {{"torch_transformer_encoder"}};
  static const Family family = {"torch_transformer_encoder", kModelTypes,
                                build_torch_transformer_encoder};
  return family;
}

}  // namespace lanewise::converters
