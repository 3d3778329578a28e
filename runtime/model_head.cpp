#include "runtime/model_head.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "base/status_macros.hpp"

namespace lanewise::internal {
namespace {

using Json = base::JsonTree;

// In the order of the enumerators.
constexpr std::array kScoreFunctions =
    std::to_array<std::string_view>({"none", "sigmoid", "softmax"});

Result<ScoreFunction> parse_function(const base::JsonFields& fields, std::string_view field) {
  if (fields.find(field) == nullptr) return ScoreFunction::kNone;
  LW_ASSIGN_OR_RETURN(const size_t index, fields.choice(field, kScoreFunctions));
  return static_cast<ScoreFunction>(index);
}

std::string_view name_of(ScoreFunction function) {
  return kScoreFunctions[static_cast<size_t>(function)];
}

Result<int32_t> parse_id(const base::JsonFields& fields, std::string_view field,
                         const ModelInfo& info) {
  LW_ASSIGN_OR_RETURN(const int64_t id, fields.integer_or(field, -1, 0, info.vocabulary_size - 1));
  return static_cast<int32_t>(id);
}

Status parse_ids(const base::JsonFields& fields, std::string_view field,
                 std::vector<int32_t>& ids) {
  if (fields.find(field) == nullptr) return {};
  LW_ASSIGN_OR_RETURN(ids, fields.integers(field, 0, INT32_MAX));
  return {};
}

Result<LateInteractionTexts> parse_texts(const base::JsonFields& fields, const ModelInfo& info) {
  LateInteractionTexts texts;
  LW_ASSIGN_OR_RETURN(texts.marker_id, parse_id(fields, "marker_id", info));
  LW_ASSIGN_OR_RETURN(texts.replaced_prefix, fields.string_or("replaced_prefix", ""));
  LW_ASSIGN_OR_RETURN(texts.max_tokens, fields.integer("max_tokens", 2, info.max_tokens));
  return texts;
}

Result<LateInteraction> parse_late_interaction(const base::JsonFields& fields,
                                               const ModelInfo& info) {
  LateInteraction late;
  LW_ASSIGN_OR_RETURN(const base::JsonFields queries, fields.object("queries"));
  LW_ASSIGN_OR_RETURN(late.queries, parse_texts(queries, info));
  LW_ASSIGN_OR_RETURN(const base::JsonFields documents, fields.object("documents"));
  LW_ASSIGN_OR_RETURN(late.documents, parse_texts(documents, info));
  LW_ASSIGN_OR_RETURN(late.expansion_id, parse_id(fields, "expansion_id", info));
  LW_ASSIGN_OR_RETURN(late.attends_to_expansion, fields.boolean_or("attends_to_expansion", false));
  LW_RETURN_IF_ERROR(parse_ids(fields, "skipped_ids", late.skipped_ids));
  return late;
}

Json to_json(const LateInteractionTexts& texts) {
  Json json = Json::object({{"max_tokens", texts.max_tokens}});
  if (texts.marker_id >= 0) json.set("marker_id", texts.marker_id);
  if (!texts.replaced_prefix.empty()) json.set("replaced_prefix", texts.replaced_prefix);
  return json;
}

Json to_json(const LateInteraction& late) {
  Json json =
      Json::object({{"queries", to_json(late.queries)}, {"documents", to_json(late.documents)}});
  if (late.expansion_id >= 0) {
    json.set("expansion_id", late.expansion_id);
    json.set("attends_to_expansion", late.attends_to_expansion);
  }
  if (!late.skipped_ids.empty()) json.set("skipped_ids", late.skipped_ids);
  return json;
}

Status parse_sparse(const base::JsonFields& fields, HeadInfo& head) {
  constexpr int64_t kMostLogarithms = 2;
  LW_ASSIGN_OR_RETURN(const int64_t logarithms,
                      fields.integer_or("sparse_logarithms", 0, 0, kMostLogarithms));
  head.sparse_logarithms = static_cast<int32_t>(logarithms);
  LW_ASSIGN_OR_RETURN(head.sparse_sum, fields.boolean_or("sparse_sum", false));
  return parse_ids(fields, "unweighted_ids", head.unweighted_ids);
}

}  // namespace

Result<HeadInfo> parse_head(const base::JsonFields& fields, const ModelInfo& info) {
  HeadInfo head;
  LW_ASSIGN_OR_RETURN(head.problem_type, fields.string_or("problem_type", ""));
  LW_ASSIGN_OR_RETURN(head.mask_token, fields.string_or("mask_token", ""));
  LW_RETURN_IF_ERROR(parse_sparse(fields, head));
  LW_ASSIGN_OR_RETURN(head.omits_first_vector, fields.boolean_or("omits_first_vector", false));
  if (fields.find("late_interaction") != nullptr) {
    LW_ASSIGN_OR_RETURN(const base::JsonFields late, fields.object("late_interaction"));
    LW_ASSIGN_OR_RETURN(head.late_interaction, parse_late_interaction(late, info));
  }
  LW_ASSIGN_OR_RETURN(head.scores, parse_function(fields, "scores"));
  LW_ASSIGN_OR_RETURN(head.ranking, parse_function(fields, "ranking"));
  if (fields.find("labels") == nullptr) return head;
  LW_ASSIGN_OR_RETURN(head.labels, fields.strings("labels"));
  return head;
}

Json head_to_json(const HeadInfo& head) {
  Json json = Json::object();
  if (!head.labels.empty()) {
    json.set("labels", head.labels);
    json.set("scores", name_of(head.scores));
    json.set("ranking", name_of(head.ranking));
  }
  if (!head.problem_type.empty()) json.set("problem_type", head.problem_type);
  if (!head.mask_token.empty()) json.set("mask_token", head.mask_token);
  if (head.sparse_logarithms > 0) json.set("sparse_logarithms", head.sparse_logarithms);
  if (head.sparse_sum) json.set("sparse_sum", true);
  if (!head.unweighted_ids.empty()) json.set("unweighted_ids", head.unweighted_ids);
  if (head.omits_first_vector) json.set("omits_first_vector", true);
  if (head.late_interaction.is_used()) {
    json.set("late_interaction", to_json(head.late_interaction));
  }
  return json;
}

}  // namespace lanewise::internal
