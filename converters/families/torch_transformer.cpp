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

constexpr const char* kSourceTable = "src_tok_emb.embedding.weight";
constexpr const char* kTargetTable = "tgt_tok_emb.embedding.weight";
constexpr const char* kPositions = "positional_encoding.pos_embedding";
constexpr const char* kEncoder = "transformer.encoder";
constexpr const char* kDecoder = "transformer.decoder";

constexpr std::array kFields = std::to_array<std::string_view>({"activation",
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
struct Sizes {
  int64_t features = 0;
  int64_t source_vocabulary = 0;
  int64_t target_vocabulary = 0;
  int64_t encoder_layers = 0;
  int64_t decoder_layers = 0;
};

Result<Sizes> read_sizes(const Config& config, ModuleTensors& tensors) {
  Sizes sizes;
  LW_ASSIGN_OR_RETURN(const Shape source, tensors.shape(kSourceTable, 2));
  LW_ASSIGN_OR_RETURN(const Shape target, tensors.shape(kTargetTable, 2));
  sizes.features = source[1];
  sizes.source_vocabulary = source[0];
  sizes.target_vocabulary = target[0];
  LW_ASSIGN_OR_RETURN(sizes.encoder_layers, tensors.layers(std::string(kEncoder) + ".layers."));
  LW_ASSIGN_OR_RETURN(sizes.decoder_layers, tensors.layers(std::string(kDecoder) + ".layers."));
  LW_RETURN_IF_ERROR(
      expect_agreement(config, "num_encoder_layers", sizes.encoder_layers, "the checkpoint"));
  LW_RETURN_IF_ERROR(
      expect_agreement(config, "num_decoder_layers", sizes.decoder_layers, "the checkpoint"));
  LW_RETURN_IF_ERROR(expect_layer_agreement(config, tensors, kEncoder));
  LW_RETURN_IF_ERROR(expect_layer_agreement(config, tensors, kDecoder));
  return sizes;
}

graph::Graph write_graph(const TorchLayerConfig& config, const Sizes& sizes,
                         const TorchPositions& positions, ModuleTensors& tensors) {
  TorchLayerWriter writer(config, tensors);
  graph::Builder& builder = writer.builder();
  const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
  const ValueId decoder_ids = builder.input("decoder_input_ids", RowSymbol::kTargetTokens);
  ValueId memory =
      writer.embed("src_tok_emb", ids, kSourceTable, sizes.source_vocabulary, positions);
  memory = writer.encoder(kEncoder, memory, sizes.encoder_layers);
  builder.output("encoder_last_hidden_state", memory);
  ValueId x =
      writer.embed("tgt_tok_emb", decoder_ids, kTargetTable, sizes.target_vocabulary, positions);
  x = writer.decoder(kDecoder, x, memory, sizes.decoder_layers);
  builder.output("logits", writer.linear("generator", x, sizes.target_vocabulary));
  return std::move(builder).take();
}

Result<FamilyModel> build(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors,
                      ModuleTensors::create(input.config, input.checkpoint, kSourceTable));
  LW_ASSIGN_OR_RETURN(const Sizes sizes, read_sizes(input.config, tensors));
  LW_ASSIGN_OR_RETURN(const TorchLayerConfig config,
                      read_torch_layers(input.config, sizes.features));
  LW_ASSIGN_OR_RETURN(const TorchPositions positions,
                      read_torch_positions(input.config, tensors, kPositions, sizes.features));
  FamilyModel model;
  model.graph = write_graph(config, sizes, positions, tensors);
  model.info.family = "torch_transformer";
  model.info.task = "translation";
  model.info.vocabulary_size = sizes.source_vocabulary;
  model.info.target_vocabulary_size = sizes.target_vocabulary;
  model.info.max_tokens = positions.count;
  model.info.max_text_tokens = positions.count;
  model.info.max_target_tokens = positions.count;
  LW_RETURN_IF_ERROR(read_sequence_tokens(input, tensors.file_name(kSourceTable),
                                          tensors.file_name(kTargetTable), model));
  LW_RETURN_IF_ERROR(tensors.check_keys());
  LW_RETURN_IF_ERROR(expect_all_read(input.config, model));
  std::move(tensors).move_into(model);
  report_unknown_fields(input, kFields);
  return model;
}

}  // namespace

const Family& torch_transformer_family() {
  static constexpr ModelType kModelTypes[] = {{"torch_transformer"}};
  static const Family family = {"torch_transformer", kModelTypes, build};
  return family;
}

}  // namespace lanewise::converters
