#include "converters/families/token_head.hpp"

#include <algorithm>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/module_weights.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/families/special_tokens.hpp"
#include "converters/files.hpp"
#include "runtime/tasks/task_names.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr const char* kVectorsFile = "colbert_linear.pt";
constexpr const char* kWeightsFile = "sparse_linear.pt";

/// The projection of ColBERT's own checkpoints, which has no bias.
Status read_projection(const FamilyInput& input, const std::string& outside, int64_t features,
                       TokenHead& head) {
  const std::string name = outside + "linear.weight";
  const CheckpointTensor* tensor = input.checkpoint.find(name);
  if (tensor == nullptr || tensor->shape.size() != 2) {
    return not_found("ColBERT's projection, the matrix " + in_quotes(name) + ", is missing");
  }
  const int64_t out = tensor->shape.front();
  SentenceLayer layer;
  layer.kind = SentenceLayer::Kind::kDense;
  layer.features = out;
  layer.tensors.weight = name;
  head.tensors.push_back({name, {out, features}});
  head.vectors.push_back(std::move(layer));
  return {};
}

Status read_token_modules(const FamilyInput& input, int64_t features, TokenHead& head) {
  LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(input.folder));
  SentenceLayerReader reader(input, "token_embeddings", features, head.parts);
  for (const SentenceModule& module : modules) {
    if (&module == &modules.front() || module.type == "MultiVectorMask") continue;
    LW_ASSIGN_OR_RETURN(const bool known, reader.read(module, head.vectors));
    if (known) continue;
    return unsupported(in_quotes(input.folder.path(kModulesFile)) + ": module " +
                       in_quotes(module.type) +
                       " is not supported here; known: Transformer, then any of Dense, Dropout, "
                       "LayerNorm, MultiVectorMask, Normalize");
  }
  return {};
}

/// A torch.nn.Linear in a file of its own.
Result<SentenceLayer> read_linear(const FamilyInput& input, const std::string& name,
                                  int64_t features, TensorParts& parts) {
  LW_ASSIGN_OR_RETURN(ModuleWeights weights,
                      ModuleWeights::open_file(input, join(input.subfolder, name)));
  LW_ASSIGN_OR_RETURN(const Shape shape, weights.matrix_shape("weight"));
  SentenceLayer layer;
  layer.kind = SentenceLayer::Kind::kDense;
  layer.features = shape.front();
  LW_ASSIGN_OR_RETURN(layer.tensors.weight,
                      weights.part("weight", {layer.features, features}, parts));
  LW_ASSIGN_OR_RETURN(layer.tensors.bias, weights.part("bias", {layer.features}, parts));
  LW_RETURN_IF_ERROR(weights.check_all_used());
  return layer;
}

/// The id of a marker: PyLate's end in a space, which may belong to the token or not.
Result<int32_t> marker_id(const text::Tokenizer& tokenizer, const std::string& name) {
  if (name.empty()) return -1;
  for (const std::string& candidate : {name, name.substr(0, name.find(' '))}) {
    if (const std::optional<int32_t> id = tokenizer.id(candidate)) return *id;
  }
  return unsupported("the marker " + in_quotes(name) + " is not a token of the tokenizer");
}

/// Those that are tokens.
std::vector<int32_t> known_ids(const text::Tokenizer& tokenizer,
                               const std::vector<std::string>& names) {
  std::vector<int32_t> ids;
  for (const std::string& name : names) {
    if (const std::optional<int32_t> id = tokenizer.id(name)) ids.push_back(*id);
  }
  std::ranges::sort(ids);
  return ids;
}

Status resolve(const text::Tokenizer& tokenizer, const LateInteractionSettings& settings,
               LateInteraction& info) {
  LW_ASSIGN_OR_RETURN(info.queries.marker_id, marker_id(tokenizer, settings.query_marker));
  LW_ASSIGN_OR_RETURN(info.documents.marker_id, marker_id(tokenizer, settings.document_marker));
  LW_ASSIGN_OR_RETURN(info.expansion_id, marker_id(tokenizer, settings.expansion));
  info.skipped_ids = known_ids(tokenizer, settings.skiplist);
  return {};
}

Status describe_late(const FamilyInput& input, const LateInteractionSettings& settings,
                     FamilyModel& model) {
  ModelInfo& info = model.info;
  LW_ASSIGN_OR_RETURN(const SentenceTexts texts, read_sentence_texts(input, info.max_tokens));
  model.lowercase_texts = texts.lowercase;
  info.task = tasks::kLateInteraction;
  info.max_text_tokens = settings.info.documents.max_tokens;
  LW_RETURN_IF_ERROR(read_prompts(input, TransformerTask::kTokenVectors, info));
  // Texts are queries or documents, each with its own prompt.
  info.default_prompt.clear();
  info.head.late_interaction = settings.info;
  return {};
}

}  // namespace

Result<TokenHead> read_late_head(const FamilyInput& input, const std::string& outside,
                                 int64_t features, int64_t max_tokens) {
  TokenHead head;
  LW_ASSIGN_OR_RETURN(head.late, read_late_interaction(input, max_tokens));
  LW_RETURN_IF_ERROR(is_sentence_folder(input.folder)
                         ? read_token_modules(input, features, head)
                         : read_projection(input, outside, features, head));
  if (head.late->normalizes) head.vectors.emplace_back();
  return head;
}

bool has_token_linears(const FamilyInput& input) {
  return input.folder.has(join(input.subfolder, kVectorsFile)) ||
         input.folder.has(join(input.subfolder, kWeightsFile));
}

Result<TokenHead> read_token_linears(const FamilyInput& input, int64_t features) {
  TokenHead head;
  if (input.folder.has(join(input.subfolder, kVectorsFile))) {
    LW_ASSIGN_OR_RETURN(head.vectors.emplace_back(),
                        read_linear(input, kVectorsFile, features, head.parts));
    head.vectors.emplace_back();  // normalised
  }
  if (!input.folder.has(join(input.subfolder, kWeightsFile))) return head;
  LW_ASSIGN_OR_RETURN(head.weights, read_linear(input, kWeightsFile, features, head.parts));
  if (head.weights->features != 1) {
    return invalid_argument(in_quotes(input.folder.path(join(input.subfolder, kWeightsFile))) +
                            ": expected one feature, file has " +
                            std::to_string(head.weights->features));
  }
  for (const char* setting : {"cls_token", "eos_token", "pad_token", "unk_token"}) {
    LW_ASSIGN_OR_RETURN(head.unweighted.emplace_back(), special_token(input, setting));
  }
  return head;
}

void append_token_head(graph::Builder& builder, graph::ValueId tokens, const TokenHead& head,
                       std::vector<ExpectedTensor>& expected) {
  expected.insert(expected.end(), head.tensors.begin(), head.tensors.end());
  if (!head.vectors.empty()) {
    builder.output(std::string(tasks::kTokenEmbeddings),
                   append_sentence_layers(builder, "tokens", tokens, head.vectors));
  }
  if (head.weights) {
    builder.output(std::string(tasks::kTokenWeights),
                   append_sentence_layers(builder, "token_weights", tokens, {*head.weights}));
  }
}

Status describe_token_head(const FamilyInput& input, const TokenHead& head, FamilyModel& model) {
  model.parts.insert(head.parts.begin(), head.parts.end());
  HeadInfo& info = model.info.head;
  // FlagEmbedding leaves out the vector of the first token, which is the sentence embedding.
  info.omits_first_vector = !head.late && !head.vectors.empty();
  if (head.late) LW_RETURN_IF_ERROR(describe_late(input, *head.late, model));
  LW_ASSIGN_OR_RETURN(const auto tokenizer, tokenizer_of(input, model));
  if (tokenizer == nullptr) return {};
  info.unweighted_ids = known_ids(*tokenizer, head.unweighted);
  if (!head.late) return {};
  return resolve(*tokenizer, *head.late, info.late_interaction)
      .with_context(in_quotes(input.folder.root()));
}

}  // namespace lanewise::converters
