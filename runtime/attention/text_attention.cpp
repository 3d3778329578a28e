#include <algorithm>
#include <array>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "lanewise/attention.hpp"
#include "lanewise/generator.hpp"
#include "runtime/model_data.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise {
namespace {

/// The ids of a text, at most `most`. `what` names it in messages.
Result<std::vector<int32_t>> encode(const text::Tokenizer& tokenizer, std::string_view text,
                                    bool special_tokens, int64_t most, std::string_view what) {
  const Result<text::Encoding> encoding =
      tokenizer.encode(text, {.add_special_tokens = special_tokens});
  if (!encoding.ok()) return encoding.status().with_context(what);
  std::vector<int32_t> ids;
  bool has_text = false;
  for (const text::Token& token : encoding->tokens) {
    ids.push_back(token.id);
    has_text = has_text || token.end > token.begin;
  }
  if (!has_text) return invalid_argument(std::string(what) + " has no tokens");
  if (static_cast<int64_t>(ids.size()) <= most) return ids;
  return invalid_argument(std::string(what) + " has " + std::to_string(ids.size()) +
                          " tokens; attention is shown for up to " + std::to_string(most) +
                          " with this model");
}

std::vector<std::string> names_of(const text::Tokenizer& tokenizer, std::span<const int32_t> ids) {
  std::vector<std::string> names;
  for (const int32_t id : ids) {
    const std::string_view name = tokenizer.token(id);
    names.push_back(name.empty() ? "#" + std::to_string(id) : std::string(name));
  }
  return names;
}

/// The model's greedy output for `source`.
Result<std::vector<int32_t>> write(const Model& model, const std::vector<int32_t>& source,
                                   int64_t most, const SessionOptions& options,
                                   const RunOptions& run) {
  LW_ASSIGN_OR_RETURN(Generator generator, Generator::create(model, options));
  GenerationOptions search = model.info().generation;
  search.beams = 1;
  search.num_return_sequences = 1;
  search.temperature = 0;
  search.top_k = 0;
  search.top_p = 1;
  constexpr std::array kReplaced =
      std::to_array<std::string_view>({"do_sample", "num_beams", "num_return_sequences"});
  override_unsupported(search, kReplaced);
  LW_ASSIGN_OR_RETURN(std::vector<Generation> generations,
                      generator.generate({&source, 1}, search, {}, run));
  Hypothesis& best = generations.front().hypotheses.front();
  if (best.finish_reason == FinishReason::kCancelled) return cancelled("cancelled");
  if (static_cast<int64_t>(best.ids.size()) > most) best.ids.resize(static_cast<size_t>(most));
  return std::move(best.ids);
}

/// The decoder's ids: the start token, then the target.
Result<std::vector<int32_t>> decoder_ids(const Model& model, const std::vector<int32_t>& source,
                                         const text::Tokenizer& tokenizer,
                                         std::optional<std::string_view> target,
                                         const SessionOptions& options, const RunOptions& run) {
  const GenerationOptions& generation = model.info().generation;
  const int32_t start = generation.decoder_start_token_id != kNoToken
                            ? generation.decoder_start_token_id
                            : generation.bos_token_id;
  if (start == kNoToken) {
    return unsupported("the model does not define the first token of its decoder");
  }
  const int64_t most = std::min(kMostAttentionTokens, model.info().max_target_tokens) - 1;
  Result<std::vector<int32_t>> ids = target ? encode(tokenizer, *target, false, most, "the target")
                                            : write(model, source, most, options, run);
  if (ids.ok()) ids->insert(ids->begin(), start);
  return ids;
}

}  // namespace

Result<TextAttention> attention_of_text(const Model& model, std::string_view text,
                                        std::optional<std::string_view> target,
                                        const SessionOptions& options, const RunOptions& run) {
  return base::no_throw([&]() -> Result<TextAttention> {
    LW_ASSIGN_OR_RETURN(AttentionMaps maps, AttentionMaps::create(model, options));
    LW_ASSIGN_OR_RETURN(const text::Tokenizer* tokenizer, model.data().open_tokenizer());
    LW_ASSIGN_OR_RETURN(const text::Tokenizer* writer, model.data().open_target_tokenizer());
    if (tokenizer == nullptr || writer == nullptr) {
      return unsupported("the model has no tokenizer; it takes token ids, not texts");
    }
    if (target && !maps.has_encoder_and_decoder()) {
      return unsupported("a target is for models with an encoder and a decoder");
    }
    const int64_t most = std::min(kMostAttentionTokens, model.info().max_tokens);
    LW_ASSIGN_OR_RETURN(const std::vector<int32_t> source,
                        encode(*tokenizer, text, true, most, "the text"));
    TextAttention result{
        .source = names_of(*tokenizer, source), .target = {}, .written = {}, .maps = {}};
    std::vector<int32_t> written;
    if (maps.has_encoder_and_decoder()) {
      LW_ASSIGN_OR_RETURN(written, decoder_ids(model, source, *writer, target, options, run));
      result.target = names_of(*writer, written);
      LW_ASSIGN_OR_RETURN(result.written, writer->decode(std::span(written).subspan(1), true));
    }
    Result<std::vector<AttentionMap>> found = maps.run(source, written, run);
    if (!found.ok()) return found.status().with_context("the text");
    result.maps = std::move(*found);
    return result;
  });
}

}  // namespace lanewise
