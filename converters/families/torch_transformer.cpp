// torch.nn.Transformer between embeddings and a linear layer over the target vocabulary, as in
// PyTorch's tutorial on translation, whose module names are the defaults.

#include <array>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/family.hpp"
#include "converters/families/module_tensors.hpp"
#include "converters/families/sequence_config.hpp"
#include "converters/families/torch_layers.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using graph::RowSymbol;
using graph::ValueId;

constexpr const char* kTorchTransformerSourceTable = "src_tok_emb.embedding.weight";
constexpr const char* kTorchTransformerTargetTable = "tgt_tok_emb.embedding.weight";
constexpr const char* kTorchTransformerPositions = "positional_encoding.pos_embedding";
constexpr const char* kEncoderPrefix = "transformer.encoder";
constexpr const char* kDecoder = "transformer.decoder";

constexpr std::array kTorchTransformerFields =
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
                                     "num_decoder_layers",
                                     "num_encoder_layers",
                                     "pad_token_id",
                                     "scale_embedding",
                                     "source_bos_token_id",
                                     "source_eos_token_id",
                                     "source_lowercase",
                                     "source_split",
                                     "source_vocabulary",
                                     "target_vocabulary",
                                     "unk_token"});

/// Sizes from the checkpoint's shapes and names, checked against the config.
struct TorchTransformerSizes {
  int64_t features = 0;
  int64_t source_vocabulary = 0;
  int64_t target_vocabulary = 0;
  int64_t encoder_layers = 0;
  int64_t decoder_layers = 0;
};

Result<TorchTransformerSizes> read_torch_transformer_sizes(const Config& config,
                                                           ModuleTensors& tensors) {
  TorchTransformerSizes sizes;
  LW_ASSIGN_OR_RETURN(const Shape source, tensors.shape(kTorchTransformerSourceTable, 2));
  LW_ASSIGN_OR_RETURN(const Shape target, tensors.shape(kTorchTransformerTargetTable, 2));
  sizes.features = source[1];
  sizes.source_vocabulary = source[0];
  sizes.target_vocabulary = target[0];
  LW_ASSIGN_OR_RETURN(sizes.encoder_layers,
                      tensors.layers(std::string(kEncoderPrefix) + ".layers."));
  LW_ASSIGN_OR_RETURN(sizes.decoder_layers, tensors.layers(std::string(kDecoder) + ".layers."));
  LW_RETURN_IF_ERROR(
      expect_agreement(config, "num_encoder_layers", sizes.encoder_layers, "the checkpoint"));
  LW_RETURN_IF_ERROR(
      expect_agreement(config, "num_decoder_layers", sizes.decoder_layers, "the checkpoint"));
  LW_RETURN_IF_ERROR(expect_layer_agreement(config, tensors, kEncoderPrefix));
  LW_RETURN_IF_ERROR(expect_layer_agreement(config, tensors, kDecoder));
  return sizes;
}

graph::Graph write_torch_transformer_graph(const TorchLayerConfig& config,
                                           const TorchTransformerSizes& sizes,
                                           const TorchPositions& positions,
                                           ModuleTensors& tensors) {
  TorchLayerWriter writer(config, tensors);
  graph::Builder& builder = writer.builder();
  const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
  const ValueId decoder_ids = builder.input("decoder_input_ids", RowSymbol::kTargetTokens);
  ValueId memory = writer.embed("src_tok_emb", ids, kTorchTransformerSourceTable,
                                sizes.source_vocabulary, positions);
  memory = writer.encoder(kEncoderPrefix, memory, sizes.encoder_layers);
  builder.output("encoder_last_hidden_state", memory);
  ValueId x = writer.embed("tgt_tok_emb", decoder_ids, kTorchTransformerTargetTable,
                           sizes.target_vocabulary, positions);
  x = writer.decoder(kDecoder, x, memory, sizes.decoder_layers);
  builder.output("logits", writer.linear("generator", x, sizes.target_vocabulary));
  return std::move(builder).take();
}

Result<FamilyModel> build_torch_transformer(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint,
                                                                   kTorchTransformerSourceTable));
  LW_ASSIGN_OR_RETURN(const TorchTransformerSizes sizes,
                      read_torch_transformer_sizes(input.config, tensors));
  LW_ASSIGN_OR_RETURN(const TorchLayerConfig config,
                      read_torch_layers(input.config, sizes.features));
  LW_ASSIGN_OR_RETURN(
      const TorchPositions positions,
      read_torch_positions(input.config, tensors, kTorchTransformerPositions, sizes.features));
  FamilyModel model;
  model.graph = write_torch_transformer_graph(config, sizes, positions, tensors);
  model.info.family = "torch_transformer";
  model.info.task = "translation";
  model.info.vocabulary_size = sizes.source_vocabulary;
  model.info.target_vocabulary_size = sizes.target_vocabulary;
  model.info.max_tokens = positions.count;
  model.info.max_text_tokens = positions.count;
  model.info.max_target_tokens = positions.count;
  LW_RETURN_IF_ERROR(read_sequence_tokens(input, tensors.file_name(kTorchTransformerSourceTable),
                                          tensors.file_name(kTorchTransformerTargetTable), model));
  LW_RETURN_IF_ERROR(tensors.check_keys());
  LW_RETURN_IF_ERROR(expect_all_read(input.config, model));
  std::move(tensors).move_into(model);
  report_unknown_fields(input, kTorchTransformerFields);
  return model;
}

}  // namespace

const Family& torch_transformer_family() {
  static constexpr ModelType kModelTypes[] = {{"torch_transformer"}};
  static const Family family = {"torch_transformer", kModelTypes, build_torch_transformer};
  return family;
}

}  // namespace lanewise::converters
