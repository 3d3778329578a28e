#include "runtime/decode/generation.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::decode {
namespace {

// Concurrent hypotheses: enough rows for a step to be bound by arithmetic instead of reading the
// weights, few enough that their caches stay small.
constexpr int64_t kMostRows = 256;
// Tokens of prompts in a step: enough for its products to reach their speed, few enough that those
// who wait for their next token hardly notice.
constexpr size_t kPromptTokens = 512;
// Drafts are computed while so few sequences share a step that reading the weights dominates it.
constexpr int64_t kMostDraftingRows = 4;

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
                                 const GenerationCallbacks& callbacks, const RunOptions& run)
    : decoder_(decoder), options_(options), callbacks_(callbacks), run_(run) {}

BatchGeneration::~BatchGeneration() {
  // Not empty only if an exception ended run(): hypotheses still have slots.
  if (!active_.empty()) decoder_.cache().release_all();
}

Status BatchGeneration::run(std::span<const Source> sources, std::span<Generation> results,
                            bool& stopped) {
  Status status = start(sources);
  while (status.ok()) {
    status = join(sources);
    if (!status.ok()) break;
    leave(results);
    if (active_.empty() && next_source_ == sources.size()) return {};
    if (!active_.empty()) status = step(sources);
  }
  stopped = status.code() == StatusCode::kCancelled;
  stop_all(FinishReason::kCancelled);
  leave(results);
  return stopped ? Status() : status;
}

Status BatchGeneration::start(std::span<const Source> sources) {
  next_source_ = 0;
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths;
  if (decoder_.has_encoder()) {
    for (const Source& source : sources) {
      ids.insert(ids.end(), source.ids.begin(), source.ids.end());
      lengths.push_back(static_cast<int32_t>(source.ids.size()));
    }
  }
  return decoder_.encode({.ids = ids, .type_ids = {}, .lengths = lengths}, run_);
}

std::vector<int32_t> BatchGeneration::prompt_of(const Source& source) const {
  if (!decoder_.has_encoder()) return {source.ids.begin(), source.ids.end()};
  return {options_.decoder_start_token_id != kNoToken ? options_.decoder_start_token_id
                                                      : options_.bos_token_id};
}

/// Rows that the active sources have or may get.
int64_t BatchGeneration::rows() const noexcept {
  return static_cast<int64_t>(active_.size()) *
         std::max(options_.beams, options_.num_return_sequences);
}

Status BatchGeneration::join(std::span<const Source> sources) {
  const int64_t each = std::max(options_.beams, options_.num_return_sequences);
  while (next_source_ < sources.size() &&
         (active_.empty() || decoder_.has_encoder() || rows() + each <= kMostRows)) {
    LW_RETURN_IF_ERROR(join(sources[next_source_], static_cast<int32_t>(next_source_)));
    ++next_source_;
  }
  return {};
}

Status BatchGeneration::join(const Source& source, int32_t index) {
  Active active{.source = index, .prompt = prompt_of(source)};
  // The last new token is not fed to the decoder, hence one more than it has room for.
  const int64_t room = decoder_.max_tokens() - static_cast<int64_t>(active.prompt.size()) + 1;
  active.search = generate::make_search(options_, decoder_.isa(), decoder_.vocabulary(),
                                        active.prompt, room, source.number);
  if (source.constraint != nullptr) {
    LW_ASSIGN_OR_RETURN(const GrammarState begin, source.constraint->start(active.prompt));
    active.search->constrain(begin);
  }
  if (decoder_.has_all_logits() && rows() < kMostDraftingRows && options_.beams == 1 &&
      options_.num_return_sequences == 1) {
    active.draft = std::make_unique<Draft>(active.prompt);
  }
  active.sequences.resize(1);
  active_.push_back(std::move(active));
  if (decoder_.has_encoder()) return {};
  Active& joined = active_.back();
  joined.computed =
      static_cast<size_t>(decoder_.cache().reuse(joined.prompt, joined.sequences.front()));
  return {};
}

/// Takes the sources whose search is over out of the batch.
void BatchGeneration::leave(std::span<Generation> results) {
  const int64_t before = left_;
  for (Active& active : active_) {
    if (active.search->rows() > 0) continue;
    finish(active, results[static_cast<size_t>(active.source)]);
    ++left_;
  }
  std::erase_if(active_, [](const Active& active) { return active.search->rows() == 0; });
  if (left_ > before && callbacks_.progress) callbacks_.progress(left_);
}

Status BatchGeneration::step(std::span<const Source> sources) {
  LW_RETURN_IF_ERROR(bind_rows());
  LW_RETURN_IF_ERROR(decoder_.step(rows_, logits_, run_));
  score_rows();
  for (Active& active : active_) {
    if (active.in_prompt()) continue;
    LW_RETURN_IF_ERROR(advance(active, sources[static_cast<size_t>(active.source)]));
  }
  return {};
}

/// Guesses need logits of all tokens of the step, which would cost too much for a prompt's.
bool BatchGeneration::may_draft() const noexcept {
  return decoder_.has_all_logits() && rows() <= kMostDraftingRows &&
         std::none_of(active_.begin(), active_.end(),
                      [](const Active& active) { return active.in_prompt(); });
}

/// Binds the rows of all searches, each after the cache of the row that it continues, and the next
/// chunks of prompts.
Status BatchGeneration::bind_rows() {
  logits_ = may_draft() ? graph::LogitRows::kAll : graph::LogitRows::kLast;
  rows_.clear();
  tokens_.clear();
  tokens_.reserve(static_cast<size_t>(rows()));  // rows point into it
  size_t room = kPromptTokens;
  size_t logit_row = 0;
  for (Active& active : active_) {
    const size_t first = rows_.size();
    active.first_row = logit_row;
    if (active.in_prompt()) {
      const size_t count = std::min(room, active.prompt.size() - active.computed);
      room -= count;
      if (count > 0) LW_RETURN_IF_ERROR(bind_prompt(active, count));
    } else {
      LW_RETURN_IF_ERROR(bind_hypotheses(active));
    }
    for (size_t row = first; row < rows_.size(); ++row) {
      logit_row += logits_ == graph::LogitRows::kAll ? rows_[row].tokens.size() : 1;
    }
  }
  return {};
}

/// The next `count` tokens of a prompt.
Status BatchGeneration::bind_prompt(Active& active, size_t count) {
  const auto tokens = std::span<const int32_t>(active.prompt).subspan(active.computed, count);
  active.computed += count;
  return bind_row(active, active.sequences.front(), tokens);
}

/// The last token of each hypothesis, and guesses of what follows.
Status BatchGeneration::bind_hypotheses(Active& active) {
  follow_parents(active);
  active.proposed = {};
  for (int r = 0; r < active.search->rows(); ++r) {
    Cache::Sequence& sequence = active.sequences[static_cast<size_t>(r)];
    std::vector<int32_t>& tokens = tokens_.emplace_back(1, active.search->token(r));
    if (active.draft != nullptr && logits_ == graph::LogitRows::kAll) {
      const int64_t most = decoder_.max_tokens() - sequence.tokens - 1;
      const auto proposed = active.draft->propose(static_cast<size_t>(std::max<int64_t>(most, 0)));
      tokens.insert(tokens.end(), proposed.begin(), proposed.end());
      active.proposed = std::span<const int32_t>(tokens).subspan(1);
    }
    LW_RETURN_IF_ERROR(bind_row(active, sequence, tokens));
  }
  return {};
}

Status BatchGeneration::bind_row(const Active& active, Cache::Sequence& sequence,
                                 std::span<const int32_t> tokens) {
  LW_RETURN_IF_ERROR(decoder_.cache().append(sequence, static_cast<int64_t>(tokens.size())));
  rows_.push_back({.source = active.source, .tokens = tokens, .sequence = &sequence});
  return {};
}

/// Passes each row the tokens of its parent: the last child takes them over, others share them.
void BatchGeneration::follow_parents(Active& active) {
  const int rows = active.search->rows();
  uses_.assign(active.sequences.size(), 0);
  for (int r = 0; r < rows; ++r) ++uses_[static_cast<size_t>(active.search->parent(r))];
  next_.resize(std::max(next_.size(), static_cast<size_t>(rows)));
  for (int r = 0; r < rows; ++r) {
    const auto parent = static_cast<size_t>(active.search->parent(r));
    Cache::Sequence& next = next_[static_cast<size_t>(r)];
    if (--uses_[parent] == 0) {
      std::swap(next, active.sequences[parent]);
    } else {
      decoder_.cache().share(active.sequences[parent], next);
    }
  }
  for (Cache::Sequence& sequence : active.sequences) decoder_.cache().release(sequence);
  active.sequences.resize(static_cast<size_t>(rows));
  for (int r = 0; r < rows; ++r) {
    std::swap(active.sequences[static_cast<size_t>(r)], next_[static_cast<size_t>(r)]);
  }
}

void BatchGeneration::score_rows() {
  std::vector<RowToScore> rows;
  rows.reserve(rows_.size());
  for (Active& active : active_) {
    if (active.in_prompt()) continue;
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

/// Goes on with the tokens that were chosen, and with guesses that equal them.
Status BatchGeneration::advance(Active& active, const Source& source) {
  const bool prompt_is_new = active.search->ids(0).empty();
  if (prompt_is_new) decoder_.cache().publish(active.prompt, active.sequences.front());
  LW_RETURN_IF_ERROR(take_tokens(active, source));
  size_t right = 0;
  generate::Search& search = *active.search;
  while (right < active.proposed.size() && search.rows() > 0 &&
         search.token(0) == active.proposed[right]) {
    ++right;
    search.score(0, decoder_.logits(active.first_row + right));
    LW_RETURN_IF_ERROR(take_tokens(active, source));
  }
  if (active.proposed.empty()) return {};
  active.draft->learn(active.proposed.size(), right);
  Cache::Sequence& sequence = active.sequences.front();
  const auto wrong = static_cast<int32_t>(active.proposed.size() - right);
  decoder_.cache().truncate(sequence, sequence.tokens - wrong);
  active.proposed = {};
  return {};
}

Status BatchGeneration::take_tokens(Active& active, const Source& source) {
  active.search->advance();
  LW_RETURN_IF_ERROR(active.search->status());
  if (active.draft != nullptr && active.search->rows() > 0) {
    active.draft->append(active.search->token(0));
  }
  report(active, source);
  return {};
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
  if (active.draft != nullptr) publish(active, hypotheses.front().ids);
  for (Cache::Sequence& sequence : active.sequences) decoder_.cache().release(sequence);
}

/// Whoever goes on with this text, as the next message of a conversation does, finds it computed.
void BatchGeneration::publish(const Active& active, std::span<const int32_t> ids) {
  if (active.in_prompt()) return;
  const Cache::Sequence& sequence = active.sequences.front();
  std::vector<int32_t> tokens = active.prompt;
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  if (static_cast<int32_t>(tokens.size()) < sequence.tokens) return;
  tokens.resize(static_cast<size_t>(sequence.tokens));
  decoder_.cache().publish(tokens, sequence);
}

void BatchGeneration::stop_all(FinishReason reason) {
  for (Active& active : active_) active.search->stop(reason);
}

}  // namespace lanewise::decode
