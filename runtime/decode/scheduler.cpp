#include "runtime/decode/scheduler.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/status_macros.hpp"
#include "ops/attention/kv_page.hpp"
#include "runtime/exec/team.hpp"
#include "runtime/model_data.hpp"

namespace lanewise::decode {

/// Scores rows of logits, which are independent scans of the vocabulary.
class Scheduler::ScoreRows final : public exec::TeamBody {
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

Result<const text::Tokenizer*> tokenizer_for(const GenerationOptions& options, const Model& model) {
  if (options.stop_strings.empty()) return nullptr;
  LW_ASSIGN_OR_RETURN(const text::Tokenizer* const tokenizer, model.data().open_target_tokenizer());
  if (tokenizer != nullptr) return tokenizer;
  return unsupported("stop_strings: the model has no tokenizer");
}

/// Requests are left only if an exception ended a step.
Scheduler::~Scheduler() { abandon(); }

void Scheduler::abandon() noexcept {
  if (active_.empty()) return;
  active_.clear();
  next_.clear();  // an exception may have left sequences there
  decoder_.cache().release_all();
  rows_promised_ = pages_promised_ = 0;
}

Status Scheduler::encode(std::span<const Request> requests, const RunOptions& run) {
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths;
  if (decoder_.has_encoder()) {
    for (const Request& request : requests) {
      ids.insert(ids.end(), request.ids.begin(), request.ids.end());
      lengths.push_back(static_cast<int32_t>(request.ids.size()));
    }
  }
  return decoder_.encode({.ids = ids, .type_ids = {}, .lengths = lengths}, run);
}

std::vector<int32_t> Scheduler::prompt_of(const Request& request) const {
  if (!decoder_.has_encoder()) return {request.ids.begin(), request.ids.end()};
  const GenerationOptions& options = *request.options;
  return {options.decoder_start_token_id != kNoToken ? options.decoder_start_token_id
                                                     : options.bos_token_id};
}

/// A decoder alone continues the text of its prompt.
Result<std::unique_ptr<StopStrings>> Scheduler::stops_of(const Request& request) const {
  const std::vector<std::string>& strings = request.options->stop_strings;
  if (strings.empty()) return std::unique_ptr<StopStrings>();
  const std::span<const int32_t> before =
      decoder_.has_encoder() ? std::span<const int32_t>() : request.ids;
  LW_ASSIGN_OR_RETURN(StopStrings stops, StopStrings::create(strings, *request.tokenizer, before));
  return std::make_unique<StopStrings>(std::move(stops));
}

int64_t Scheduler::prompt_tokens(const Request& request) const noexcept {
  return decoder_.has_encoder() ? 1 : static_cast<int64_t>(request.ids.size());
}

/// What the model and the cache allow. The last new token is not computed, hence one more than
/// there is room for.
int64_t Scheduler::most_new_tokens(const Request& request) const noexcept {
  const int64_t tokens = std::min(decoder_.max_tokens(), decoder_.cache().most_tokens());
  return tokens - prompt_tokens(request) + 1;
}

/// Every row may have pages of its own. The last new token is not computed.
int64_t Scheduler::most_pages(const Request& request) const noexcept {
  const int64_t prompt = prompt_tokens(request);
  const int64_t more =
      generate::allowed_new_tokens(*request.options, prompt, most_new_tokens(request));
  return request.rows() * ops::pages_for(prompt + std::max<int64_t>(more - 1, 0));
}

/// Counts prompt and new tokens. The size of the cache may end a text earlier, but must not change
/// it.
bool Scheduler::is_long(const Request& request) const noexcept {
  const int64_t prompt = prompt_tokens(request);
  const int64_t room = decoder_.max_tokens() - prompt + 1;
  return decoder_.is_long(prompt + generate::allowed_new_tokens(*request.options, prompt, room));
}

Status Scheduler::check_cache(const Request& request) const {
  const int64_t tokens = decoder_.cache().most_tokens();
  if (prompt_tokens(request) <= tokens) return {};
  return resource_exhausted("a prompt of " + std::to_string(prompt_tokens(request)) +
                            " tokens: the cache has room for " + std::to_string(tokens));
}

bool Scheduler::has_room(const Request& request) const noexcept {
  if (active_.empty() || decoder_.has_encoder()) return true;
  return rows_promised_ + request.rows() <= limits_.rows &&
         pages_promised_ + most_pages(request) <= decoder_.cache().pages().most_pages();
}

Status Scheduler::join(const Request& request, int32_t source) {
  LW_RETURN_IF_ERROR(check_cache(request));
  Active active{.request = request, .source = source, .prompt = prompt_of(request)};
  LW_ASSIGN_OR_RETURN(active.stops, stops_of(request));
  active.search =
      generate::make_search(*request.options, decoder_.isa(), decoder_.vocabulary(), active.prompt,
                            most_new_tokens(request), request.sequence, active.stops.get());
  if (request.constraint != nullptr) {
    LW_ASSIGN_OR_RETURN(const GrammarState begin, request.constraint->start(active.prompt));
    active.search->constrain(begin);
  }
  if (decoder_.guesses() && rows_promised_ < Draft::kMostSequences && request.rows() == 1) {
    active.draft = std::make_unique<Draft>(active.prompt);
  }
  active.pages = most_pages(request);
  active.sequences.resize(1);
  active.sequences.front().is_long = is_long(request);
  active_.push_back(std::move(active));
  Active& joined = active_.back();
  rows_promised_ += request.rows();
  pages_promised_ += joined.pages;
  if (decoder_.has_encoder()) return {};
  joined.computed =
      static_cast<size_t>(decoder_.cache().reuse(joined.prompt, joined.sequences.front()));
  return {};
}

void Scheduler::leave(const std::function<void(uint64_t number)>& left) {
  for (Active& active : active_) {
    if (active.search->rows() > 0) continue;
    finish(active);
    rows_promised_ -= active.request.rows();
    pages_promised_ -= active.pages;
    if (left) left(active.request.number);
  }
  std::erase_if(active_, [](const Active& active) { return active.search->rows() == 0; });
}

Status Scheduler::step(const RunOptions& run) {
  Status status = try_step(run);
  failed_ = !status.ok();
  return status;
}

Status Scheduler::try_step(const RunOptions& run) {
  LW_RETURN_IF_ERROR(bind_rows());
  LW_RETURN_IF_ERROR(decoder_.step(rows_, logits_, run));
  call_on_logits();
  score_rows();
  for (Active& active : active_) {
    if (!active.in_prompt()) LW_RETURN_IF_ERROR(advance(active));
  }
  return {};
}

/// Guesses need logits of all tokens of the step, which would cost too much for a prompt's.
bool Scheduler::may_draft() const noexcept {
  return decoder_.guesses() && rows_promised_ <= Draft::kMostSequences &&
         std::none_of(active_.begin(), active_.end(),
                      [](const Active& active) { return active.in_prompt(); });
}

/// Binds the rows of all searches, each after the cache of the row that it continues, and the next
/// chunks of prompts.
Status Scheduler::bind_rows() {
  logits_ = may_draft() ? graph::LogitRows::kAll : graph::LogitRows::kLast;
  rows_.clear();
  tokens_.clear();
  tokens_.reserve(static_cast<size_t>(rows_promised_) *
                  (1 + Draft::kLongest));  // rows point into it
  auto room = static_cast<size_t>(limits_.prompt_tokens);
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
Status Scheduler::bind_prompt(Active& active, size_t count) {
  const auto tokens = std::span<const int32_t>(active.prompt).subspan(active.computed, count);
  active.computed += count;
  return bind_row(active, active.sequences.front(), tokens);
}

/// The last token of each hypothesis, and guesses of what follows.
Status Scheduler::bind_hypotheses(Active& active) {
  follow_parents(active);
  active.proposed = {};
  for (int r = 0; r < active.search->rows(); ++r) {
    Cache::Sequence& sequence = active.sequences[static_cast<size_t>(r)];
    const size_t first = tokens_.size();
    tokens_.push_back(active.search->token(r));
    if (active.draft != nullptr && logits_ == graph::LogitRows::kAll) {
      // Guesses may not take pages that were promised to others.
      const int64_t room = std::min(decoder_.max_tokens(), active.pages * ops::kPageTokens);
      const int64_t most = room - sequence.tokens - 1;
      const auto proposed = active.draft->propose(static_cast<size_t>(std::max<int64_t>(most, 0)));
      tokens_.insert(tokens_.end(), proposed.begin(), proposed.end());
      active.proposed = std::span<const int32_t>(tokens_).subspan(first + 1);
    }
    LW_RETURN_IF_ERROR(
        bind_row(active, sequence, std::span<const int32_t>(tokens_).subspan(first)));
  }
  return {};
}

Status Scheduler::bind_row(const Active& active, Cache::Sequence& sequence,
                           std::span<const int32_t> tokens) {
  LW_RETURN_IF_ERROR(decoder_.cache().append(sequence, static_cast<int64_t>(tokens.size())));
  rows_.push_back({.source = active.source, .tokens = tokens, .sequence = &sequence});
  return {};
}

/// Passes each row the tokens of its parent: the last child takes them over, others share them.
void Scheduler::follow_parents(Active& active) {
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

void Scheduler::call_on_logits() {
  for (const Active& active : active_) {
    if (active.in_prompt() || !active.request.callbacks->on_logits) continue;
    for (int r = 0; r < active.search->rows(); ++r) {
      call_on_logits(active, r, active.first_row + static_cast<size_t>(r));
    }
  }
}

/// `place` is that of the row's logits in the step.
void Scheduler::call_on_logits(const Active& active, int row, size_t place) {
  const Request& request = active.request;
  if (!request.callbacks->on_logits) return;
  request.callbacks->on_logits(
      static_cast<int64_t>(request.number), active.search->ids(row),
      {decoder_.logits(place), static_cast<size_t>(decoder_.vocabulary())});
}

void Scheduler::score_rows() {
  to_score_.clear();
  for (Active& active : active_) {
    if (active.in_prompt()) continue;
    for (int r = 0; r < active.search->rows(); ++r) {
      to_score_.push_back(
          {active.search.get(), r, decoder_.logits(active.first_row + static_cast<size_t>(r))});
    }
  }
  ScoreRows body(to_score_);
  if (to_score_.size() > 1) {
    decoder_.team().run(body);
  } else {
    body.run(0, 1);
  }
}

/// Goes on with the tokens that were chosen, and with guesses that equal them.
Status Scheduler::advance(Active& active) {
  const bool prompt_is_new = active.search->ids(0).empty();
  if (prompt_is_new) decoder_.cache().publish(active.prompt, active.sequences.front());
  LW_RETURN_IF_ERROR(take_tokens(active));
  size_t right = 0;
  generate::Search& search = *active.search;
  while (right < active.proposed.size() && search.rows() > 0 &&
         search.token(0) == active.proposed[right]) {
    ++right;
    call_on_logits(active, 0, active.first_row + right);
    search.score(0, decoder_.logits(active.first_row + right));
    LW_RETURN_IF_ERROR(take_tokens(active));
  }
  if (active.proposed.empty()) return {};
  active.draft->learn(active.proposed.size(), right);
  Cache::Sequence& sequence = active.sequences.front();
  const auto wrong = static_cast<int32_t>(active.proposed.size() - right);
  decoder_.cache().truncate(sequence, sequence.tokens - wrong);
  active.proposed = {};
  return {};
}

Status Scheduler::take_tokens(Active& active) {
  active.search->advance();
  LW_RETURN_IF_ERROR(active.search->status());
  if (active.stops != nullptr) LW_RETURN_IF_ERROR(active.stops->status());
  if (active.draft != nullptr && active.search->rows() > 0) {
    active.draft->append(active.search->token(0));
  }
  report(active);
  return {};
}

/// Reports the tokens of the last step; the caller can end the search.
void Scheduler::report(Active& active) {
  const bool go_on =
      active.request.options->beams > 1 ? report_hypotheses(active) : report_tokens(active);
  if (!go_on) active.search->stop(FinishReason::kStop);
}

bool Scheduler::report_tokens(Active& active) const {
  const Request& request = active.request;
  if (!request.callbacks->on_token || request.options->num_return_sequences > 1) return true;
  const generate::Search& search = *active.search;
  const std::span<const int32_t> ids =
      search.rows() > 0 ? search.ids(0) : std::span<const int32_t>(search.results().front().ids);
  for (; active.tokens_reported < ids.size(); ++active.tokens_reported) {
    const int32_t token = ids[active.tokens_reported];
    if (!request.callbacks->on_token(static_cast<int64_t>(request.number), token)) return false;
  }
  return true;
}

bool Scheduler::report_hypotheses(Active& active) const {
  const Request& request = active.request;
  if (!request.callbacks->on_hypothesis) return true;
  for (const Hypothesis& hypothesis : active.search->finished()) {
    auto& reported = active.reported;
    if (std::find(reported.begin(), reported.end(), hypothesis.ids) != reported.end()) continue;
    reported.push_back(hypothesis.ids);
    if (!request.callbacks->on_hypothesis(static_cast<int64_t>(request.number), hypothesis)) {
      return false;
    }
  }
  return true;
}

void Scheduler::finish(Active& active) {
  const auto hypotheses = active.search->results();
  active.request.result->hypotheses.assign(hypotheses.begin(), hypotheses.end());
  if (active.draft != nullptr && !failed_) publish(active, hypotheses.front().ids);
  for (Cache::Sequence& sequence : active.sequences) decoder_.cache().release(sequence);
}

/// Whoever goes on with this text, as the next message of a conversation does, finds it computed.
void Scheduler::publish(const Active& active, std::span<const int32_t> ids) {
  if (active.in_prompt()) return;
  const Cache::Sequence& sequence = active.sequences.front();
  std::vector<int32_t> tokens = active.prompt;
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  if (static_cast<int32_t>(tokens.size()) < sequence.tokens) return;
  tokens.resize(static_cast<size_t>(sequence.tokens));
  decoder_.cache().publish(tokens, sequence);
}

void Scheduler::stop(uint64_t number, FinishReason reason) {
  for (Active& active : active_) {
    if (active.request.number == number) active.search->stop(reason);
  }
}

void Scheduler::stop_all(FinishReason reason) {
  for (Active& active : active_) active.search->stop(reason);
}

}  // namespace lanewise::decode
