#include "runtime/tasks/token_vectors.hpp"

#include <algorithm>
#include <string>

#include "base/status_macros.hpp"
#include "runtime/tasks/late_interaction.hpp"
#include "runtime/tasks/task_names.hpp"

namespace lanewise::tasks {
namespace {

constexpr std::string_view kDocumentPrompt = "document";

const OutputInfo* find_token_vectors(const ModelInfo& info) {
  for (const std::string_view name : {kTokenEmbeddings, kLastHiddenState}) {
    const auto found = std::ranges::find(info.outputs, name, &OutputInfo::name);
    if (found != info.outputs.end() && found->per_token) return &*found;
  }
  return nullptr;
}

bool has_vector(const HeadInfo& head, size_t index, int32_t id, bool queries) {
  if (index == 0 && head.omits_first_vector) return false;
  const std::vector<int32_t>& skipped = head.late_interaction.skipped_ids;
  return queries || std::ranges::find(skipped, id) == skipped.end();
}

}  // namespace

TokenEmbedding token_vectors_of(const TextBatcher& batcher, const Session::Rows& rows,
                                const TextBatcher::Place& place, bool queries) {
  TokenEmbedding result;
  result.dimension = rows.features;
  result.tokens = batcher.lengths()[place.sequence];
  result.truncated = batcher.truncated(place.sequence);
  const std::span<const text::Token> tokens = batcher.tokens(place.sequence);
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!has_vector(batcher.model().info().head, i, tokens[i].id, queries)) continue;
    const float* row = rows.data + (place.first_token + static_cast<int64_t>(i)) * rows.stride;
    result.values.insert(result.values.end(), row, row + rows.features);
    result.ids.push_back(tokens[i].id);
    ++result.count;
  }
  return result;
}

Result<float> mean_max_similarity(const TokenEmbedding& query, const TokenEmbedding& document) {
  if (query.count == 0) return 0.0F;
  LW_ASSIGN_OR_RETURN(const float sum, max_similarity(query, document));
  return sum / static_cast<float>(query.count);
}

Result<TokenVectors> TokenVectors::create(const Model& model, const SessionOptions& options) {
  const ModelInfo& info = model.info();
  const OutputInfo* output = find_token_vectors(info);
  // An encoder-decoder's last_hidden_state would be its decoder's.
  if (output == nullptr || info.target_vocabulary_size > 0) {
    return unsupported("the model, " + info.family + " for " + info.task +
                       ", has no vectors of tokens");
  }
  LW_ASSIGN_OR_RETURN(TextBatcher batcher, TextBatcher::create(model, options, {output->name}));
  const std::string_view name =
      output->name == kTokenEmbeddings ? kTokenEmbeddings : kLastHiddenState;
  TokenVectors vectors(std::move(batcher), name, output->features);
  LW_RETURN_IF_ERROR(vectors.set_prompt(info.default_prompt));
  return vectors;
}

Status TokenVectors::set_prompt(std::string_view name) {
  const ModelInfo& info = batcher_.model().info();
  // Texts that are no queries are documents, whose prompt has a name.
  const bool unnamed = name.empty() && head().late_interaction.is_used();
  const bool has_documents =
      std::ranges::find(info.prompts, kDocumentPrompt, &Prompt::name) != info.prompts.end();
  if (unnamed && has_documents) name = kDocumentPrompt;
  LW_RETURN_IF_ERROR(prompt_.choose(info, name));
  queries_ = name == kQueryPrompt;
  return {};
}

Status TokenVectors::add(std::string_view text, const RunOptions& options) {
  const std::string_view whole = prompt_.before(text);
  if (!head().late_interaction.is_used()) return batcher_.add(whole, options);
  return add_late(batcher_, whole, queries_, options);
}

Status TokenVectors::run(std::span<const std::string_view> texts, const RunOptions& options,
                         const TextBatcher::Progress& progress, const Take& take) {
  LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
  for (const std::string_view text : texts) LW_RETURN_IF_ERROR(add(text, options));
  const auto read = [&](const TextBatcher::Place& place) -> Status {
    LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(output_));
    take(place.sequence, token_vectors_of(batcher_, rows, place, queries_));
    return {};
  };
  return batcher_.run(options, read, progress);
}

}  // namespace lanewise::tasks
