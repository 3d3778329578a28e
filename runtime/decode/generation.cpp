#include "runtime/decode/generation.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::decode {
namespace {

/// A search and one of its rows.
struct RowToScore {
  generate::Search* search;
  int row;
  float* logits;
};

/// Scores rows of logits, which are independent scans of the vocabulary.
class ScoreRows final : public exec::TeamBody {
 public:
  explicit ScoreRows(std::span<const RowToScore> rows) : rows_(rows) {}

  void run(int, int) noexcept override {
    for (;;) {
      const size_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= rows_.size()) return;
      rows_[i].search->score(rows_[i].row, rows_[i].logits);
    }
  }

 private:
  std::span<const RowToScore> rows_;
  std::atomic<size_t> next_{0};
};

}  // namespace

BatchGeneration::BatchGeneration(Decoder& decoder, const GenerationOptions& options,
                                 const GenerationCallbacks& callbacks, const RunOptions& run,
                                 const text::Tokenizer* tokenizer)
    : decoder_(decoder),
      options_(options),
      callbacks_(callbacks),
      run_(run),
      tokenizer_(tokenizer) {}

BatchGeneration::~BatchGeneration() {
  // Not empty only if an exception ended run(): hypotheses still have slots.
  if (!active_.empty()) decoder_.cache().release_all();
}

Status BatchGeneration::run(std::span<const Source> sources, std::span<Generation> results,
                            bool& stopped) {
  Status status = start(sources);
  while (status.ok()) {
    for (Active& active : active_) {
      if (active.search->rows() == 0) finish(active, results[static_cast<size_t>(active.source)]);
    }
    std::erase_if(active_, [](const Active& active) { return active.search->rows() == 0; });
    if (active_.empty()) return {};
    status = step(sources);
  }
  stopped = status.code() == StatusCode::kCancelled;
  stop_all(FinishReason::kCancelled);
  for (Active& active : active_) finish(active, results[static_cast<size_t>(active.source)]);
  active_.clear();
  return stopped ? Status() : status;
}

std::vector<int32_t> BatchGeneration::prompt_of(const Source& source) const {
  if (!decoder_.has_encoder()) return {source.ids.begin(), source.ids.end()};
  return {options_.decoder_start_token_id != kNoToken ? options_.decoder_start_token_id
                                                      : options_.bos_token_id};
}

/// A decoder alone continues the text of its prompt.
Result<std::unique_ptr<StopStrings>> BatchGeneration::stops_of(
    std::span<const int32_t> prompt) const {
  if (options_.stop_strings.empty()) return std::unique_ptr<StopStrings>();
  if (decoder_.has_encoder()) prompt = {};
  LW_ASSIGN_OR_RETURN(StopStrings stops,
                      StopStrings::create(options_.stop_strings, *tokenizer_, prompt));
  return std::make_unique<StopStrings>(std::move(stops));
}

Status BatchGeneration::start(std::span<const Source> sources) {
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths;
  for (size_t i = 0; i < sources.size(); ++i) {
    const Source& source = sources[i];
    ids.insert(ids.end(), source.ids.begin(), source.ids.end());
    lengths.push_back(static_cast<int32_t>(source.ids.size()));
    prompts_.push_back(prompt_of(source));
    // The last new token is not fed to the decoder, hence one more than it has room for.
    const int64_t room = decoder_.max_tokens() - static_cast<int64_t>(prompts_.back().size()) + 1;
    LW_ASSIGN_OR_RETURN(std::unique_ptr<StopStrings> stops, stops_of(prompts_.back()));
    auto search = generate::make_search(options_, decoder_.isa(), decoder_.vocabulary(),
                                        prompts_.back(), room, source.number, stops.get());
    active_.push_back({.source = static_cast<int32_t>(i),
                       .stops = std::move(stops),
                       .search = std::move(search),
                       .slots = {}});
  }
  return decoder_.encode({.ids = ids, .type_ids = {}, .lengths = lengths}, run_);
}

Status BatchGeneration::step(std::span<const Source> sources) {
  LW_RETURN_IF_ERROR(bind_rows());
  LW_RETURN_IF_ERROR(decoder_.step(rows_, run_));
  first_step_ = false;
  if (callbacks_.on_logits) call_on_logits(sources);
  score_rows();
  for (Active& active : active_) {
    active.search->advance();
    if (active.stops) LW_RETURN_IF_ERROR(active.stops->status());
    report(active, sources[static_cast<size_t>(active.source)]);
  }
  return {};
}

/// Binds the rows of all searches, each after the cache of the row that it continues.
Status BatchGeneration::bind_rows() {
  int64_t fresh = 0;
  for (const Active& active : active_) {
    const size_t tokens = first_step_ ? prompts_[static_cast<size_t>(active.source)].size() : 1;
    fresh += active.search->rows() * static_cast<int64_t>(tokens);
  }
  LW_RETURN_IF_ERROR(decoder_.cache().reserve(fresh));
  rows_.clear();
  tokens_.clear();
  tokens_.reserve(static_cast<size_t>(fresh));  // rows point into it
  for (Active& active : active_) {
    follow_parents(active);
    active.first_row = rows_.size();
    const auto& prompt = prompts_[static_cast<size_t>(active.source)];
    for (int r = 0; r < active.search->rows(); ++r) {
      std::span<const int32_t> tokens = prompt;
      if (!first_step_) {
        tokens_.push_back(active.search->token(r));
        tokens = std::span(tokens_).last(1);
      }
      Cache::Slots& slots = active.slots[static_cast<size_t>(r)];
      for (size_t i = 0; i < tokens.size(); ++i) decoder_.cache().append(slots);
      rows_.push_back({.source = active.source, .tokens = tokens, .slots = &slots});
    }
  }
  return {};
}

/// Passes each row the slots of its parent: the last child takes them over, others share them.
void BatchGeneration::follow_parents(Active& active) {
  const int rows = active.search->rows();
  if (first_step_) active.slots.resize(1);
  uses_.assign(active.slots.size(), 0);
  for (int r = 0; r < rows; ++r) ++uses_[static_cast<size_t>(active.search->parent(r))];
  next_.resize(std::max(next_.size(), static_cast<size_t>(rows)));
  for (int r = 0; r < rows; ++r) {
    const auto parent = static_cast<size_t>(active.search->parent(r));
    Cache::Slots& next = next_[static_cast<size_t>(r)];
    if (--uses_[parent] == 0) {
      next.swap(active.slots[parent]);
    } else {
      decoder_.cache().share(active.slots[parent], next);
    }
  }
  for (Cache::Slots& slots : active.slots) decoder_.cache().release(slots);
  active.slots.resize(static_cast<size_t>(rows));
  for (int r = 0; r < rows; ++r) {
    active.slots[static_cast<size_t>(r)].swap(next_[static_cast<size_t>(r)]);
  }
}

void BatchGeneration::call_on_logits(std::span<const Source> sources) {
  const auto vocabulary = static_cast<size_t>(decoder_.vocabulary());
  for (const Active& active : active_) {
    const auto number = static_cast<int64_t>(sources[static_cast<size_t>(active.source)].number);
    for (int r = 0; r < active.search->rows(); ++r) {
      float* const logits = decoder_.logits(active.first_row + static_cast<size_t>(r));
      callbacks_.on_logits(number, active.search->ids(r), {logits, vocabulary});
    }
  }
}

void BatchGeneration::score_rows() {
  std::vector<RowToScore> rows;
  rows.reserve(rows_.size());
  for (Active& active : active_) {
    for (int r = 0; r < active.search->rows(); ++r) {
      rows.push_back(
          {active.search.get(), r, decoder_.logits(active.first_row + static_cast<size_t>(r))});
    }
  }
  ScoreRows body(rows);
  if (rows.size() > 1) {
    decoder_.team().run(body);
  } else {
    body.run(0, 1);
  }
}

/// Reports the tokens of the last step; the caller can end the search.
void BatchGeneration::report(Active& active, const Source& source) {
  const auto number = static_cast<int64_t>(source.number);
  const bool go_on =
      options_.beams > 1 ? report_hypotheses(active, number) : report_tokens(active, number);
  if (!go_on) active.search->stop(FinishReason::kStop);
}

bool BatchGeneration::report_tokens(Active& active, int64_t number) const {
  if (!callbacks_.on_token || options_.num_return_sequences > 1) return true;
  const generate::Search& search = *active.search;
  const std::span<const int32_t> ids =
      search.rows() > 0 ? search.ids(0) : std::span<const int32_t>(search.results().front().ids);
  for (; active.tokens_reported < ids.size(); ++active.tokens_reported) {
    if (!callbacks_.on_token(number, ids[active.tokens_reported])) return false;
  }
  return true;
}

bool BatchGeneration::report_hypotheses(Active& active, int64_t number) const {
  if (!callbacks_.on_hypothesis) return true;
  for (const Hypothesis& hypothesis : active.search->finished()) {
    auto& reported = active.reported;
    if (std::find(reported.begin(), reported.end(), hypothesis.ids) != reported.end()) continue;
    reported.push_back(hypothesis.ids);
    if (!callbacks_.on_hypothesis(number, hypothesis)) return false;
  }
  return true;
}

void BatchGeneration::finish(Active& active, Generation& result) {
  const auto hypotheses = active.search->results();
  result.hypotheses.assign(hypotheses.begin(), hypotheses.end());
  for (Cache::Slots& slots : active.slots) decoder_.cache().release(slots);
}

void BatchGeneration::stop_all(FinishReason reason) {
  for (Active& active : active_) active.search->stop(reason);
}

}  // namespace lanewise::decode
