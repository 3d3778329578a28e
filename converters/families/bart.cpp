// BART and its relatives Marian, mBART, M2M100, NLLB and Pegasus: one graph with the differences in
// bart_config.cpp.

#include <array>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/families/bart_config.hpp"
#include "converters/families/bart_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_heads.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/hf_tokenizer.hpp"
#include "converters/families/module_tensors.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kBartAnchor = "decoder.layers.0.self_attn.q_proj.weight";

/// All names of the embeddings and of the head; a file may lack those tied to others.
struct TableNames {
  explicit TableNames(const std::string& prefix)
      : shared(prefix + "shared.weight"),
        encoder(prefix + "encoder.embed_tokens.weight"),
        decoder(prefix + "decoder.embed_tokens.weight"),
        head(outside_of_model(prefix) + "lm_head.weight") {}

  std::string shared;
  std::string encoder;
  std::string decoder;
  std::string head;
};

Result<BartTables> read_tables(const BartConfig& config, const Checkpoint& checkpoint,
                               const TableNames& names) {
  BartTables tables;
  std::vector<std::string> tied = {names.decoder};
  if (config.shared_embedding) tied = {names.shared, names.encoder, names.decoder};
  if (config.tied_head) tied.push_back(names.head);
  const TiedTensors group(checkpoint, std::move(tied));
  LW_ASSIGN_OR_RETURN(tables.decoder, group.of(names.decoder));
  LW_ASSIGN_OR_RETURN(tables.head, group.of(names.head));
  if (!config.tied_head) tables.head = names.head;
  tables.encoder = names.encoder;
  if (config.shared_embedding) {
    LW_ASSIGN_OR_RETURN(tables.encoder, group.of(names.encoder));
  }
  return tables;
}

/// Known tensors that are not weights: copies of tied tensors, versions and tables of fairseq.
std::vector<std::string> bart_leftovers(const TableNames& names, const std::string& prefix) {
  std::vector<std::string> list = {names.shared, names.encoder, names.decoder, names.head};
  for (const char* stack : {"encoder.", "decoder."}) {
    for (const char* name : {"version", "embed_positions._float_tensor", "embed_positions.weights"})
      list.push_back(prefix + stack + name);
  }
  return list;
}

void describe_bart(const BartConfig& config, ModelInfo& info) {
  info.family = config.kind->model_type;
  info.task = config.kind->task;
  info.vocabulary_size = config.encoder.vocabulary;
  info.target_vocabulary_size = config.decoder.vocabulary;
  info.max_tokens = config.positions;
  info.max_text_tokens = config.positions;
  info.max_target_tokens = config.positions;
}

/// M2M100 does not count positions of padding tokens; here every token counts.
void check_start(const BartConfig& config, GenerationOptions& options) {
  if (config.kind->positions != BartPositions::kM2M100) return;
  if (options.decoder_start_token_id != config.pad_token) return;
  options.unsupported.push_back(
      {"decoder_start_token_id",
       "a 'decoder_start_token_id' that is 'pad_token_id' is not supported for " +
           std::string(config.kind->model_type)});
}

Status refuse_bart_heads(const FamilyInput& input, const std::string& prefix) {
  static constexpr std::array kWithout = std::to_array<std::string_view>(
      {"BartModel", "M2M100Model", "MBartModel", "MarianMTModel", "MarianModel"});
  static constexpr std::array kTensors =
      std::to_array<std::string_view>({"classification_head.", "qa_outputs."});
  return check_head(input, {kWithout, kTensors}, outside_of_model(prefix));
}

Result<FamilyModel> build_bart(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const std::string prefix,
                      find_prefix(input.checkpoint, kBartAnchor, "model."));
  // Before the config, because configs of other classes differ.
  LW_RETURN_IF_ERROR(refuse_bart_heads(input, prefix));
  LW_ASSIGN_OR_RETURN(const BartConfig config, read_bart_config(input));
  const TableNames names(prefix);
  LW_ASSIGN_OR_RETURN(const BartTables tables, read_tables(config, input.checkpoint, names));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  FamilyModel model;
  model.graph = BartWriter(config, tables, prefix, tensors).write();
  describe_bart(config, model.info);
  LW_ASSIGN_OR_RETURN(model.info.generation,
                      read_hf_generation(input, config.decoder.vocabulary, config.kind->tokens));
  check_start(config, model.info.generation);
  LW_RETURN_IF_ERROR(read_hf_tokenizers(input, config.kind->model_type, model));
  std::move(tensors).move_into(model);
  model.leftovers = bart_leftovers(names, prefix);
  return model;
}

}  // namespace

const Family& bart_family() {
  // M2M100 and NLLB share a model_type; their files distinguish them.
  static constexpr ModelType kModelTypes[] = {{"bart", "BartTokenizer"},
                                              {"m2m_100"},
                                              {"marian", "MarianTokenizer"},
                                              {"mbart", "MBartTokenizer"},
                                              {"pegasus"}};
  static const Family family = {"bart", kModelTypes, build_bart};
  return family;
}

}  // namespace lanewise::converters
