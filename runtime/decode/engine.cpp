#include "lanewise/engine.hpp"

#include <algorithm>
#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/batch.hpp"
#include "runtime/decode/decoder.hpp"
#include "runtime/decode/scheduler.hpp"
#include "runtime/exec/call_guard.hpp"
#include "runtime/exec/process_mutex.hpp"

namespace lanewise {
namespace {

/// A request on its way. Does not move: the scheduler refers to its parts.
struct Ticket {
  Ticket(uint64_t request_number, EngineRequest&& what, const text::Tokenizer* for_stop_strings)
      : number(request_number),
        request(std::move(what)),
        tokenizer(for_stop_strings),
        result{.hypotheses = {{}}} {
    if (request.on_token) {
      callbacks.on_token = [this](int64_t, int32_t token) { return request.on_token(token); };
    }
  }
  Ticket(const Ticket&) = delete;

  decode::Request for_scheduler() {
    return {.ids = request.ids,
            .number = number,
            .options = &request.options,
            .callbacks = &callbacks,
            .constraint = request.constraint ? &*request.constraint : nullptr,
            .tokenizer = tokenizer,
            .result = &result};
  }

  const uint64_t number;
  EngineRequest request;
  const text::Tokenizer* const tokenizer;
  int64_t steps_as_first = 0;  // of those that wait
  GenerationCallbacks callbacks;
  Generation result;
};

Status check_at_least(int64_t least, std::string_view name, int64_t value) {
  if (value >= least) return {};
  return invalid_argument(std::string(name) + ": expected at least " + std::to_string(least) +
                          ", found " + std::to_string(value));
}

}  // namespace

class Engine::Impl {
 public:
  Impl(Model model, std::unique_ptr<decode::Decoder> decoder, const EngineOptions& options)
      : model_(std::move(model)),
        decoder_(std::move(decoder)),
        scheduler_(*decoder_, {options.max_sequences, options.prompt_tokens}),
        prompt_tokens_(options.prompt_tokens),
        overtaking_steps_(options.overtaking_steps) {}

  Result<uint64_t> submit(EngineRequest&& request) {
    LW_RETURN_IF_ERROR(validate(request.options, decoder_->vocabulary()));
    LW_RETURN_IF_ERROR(check_sequence(request.ids, model_.info()));
    LW_ASSIGN_OR_RETURN(const text::Tokenizer* const tokenizer,
                        decode::tokenizer_for(request.options, model_));
    std::list<Ticket> one;
    Ticket& ticket = one.emplace_back(next_number_.fetch_add(1), std::move(request), tokenizer);
    LW_RETURN_IF_ERROR(scheduler_.check_cache(ticket.for_scheduler()));
    const uint64_t number = ticket.number;
    const std::lock_guard lock(mutex_);
    waiting_.splice(waiting_.end(), one);
    return number;
  }

  /// Only notes it: step() may be running.
  bool cancel(uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto has_number = [&](const Ticket& ticket) { return ticket.number == number; };
    if (std::none_of(waiting_.begin(), waiting_.end(), has_number) &&
        std::none_of(active_.begin(), active_.end(), has_number)) {
      return false;
    }
    cancelled_.push_back(number);
    return true;
  }

  Result<bool> step() {
    return guard_.run([&]() -> Result<bool> { return step_or_end(); });
  }

  Status reserve(int64_t sequences, int64_t tokens) {
    LW_RETURN_IF_ERROR(decoder_->reserve(load(sequences, tokens)));
    const std::lock_guard lock(mutex_);
    update_stats();
    return {};
  }

  int64_t memory_bytes(int64_t sequences, int64_t tokens) const noexcept {
    return decoder_->memory_bytes(load(sequences, tokens));
  }

  EngineStats stats() const {
    const std::lock_guard lock(mutex_);
    EngineStats stats = stats_;
    stats.waiting = static_cast<int64_t>(waiting_.size());
    stats.active = static_cast<int64_t>(active_.size());
    return stats;
  }

  int threads() const noexcept { return decoder_->team().threads(); }

 private:
  decode::Decoder::Load load(int64_t sequences, int64_t tokens) const noexcept {
    return {.sequences = sequences, .tokens = tokens, .prompt_tokens = prompt_tokens_};
  }

  Result<bool> step_or_end() {
    const Status status = base::no_throw([&] { return try_step(); });
    if (!status.ok()) end_all();
    const std::lock_guard lock(mutex_);
    update_stats();
    if (!status.ok()) return status;
    return !scheduler_.empty() || !waiting_.empty();
  }

  Status try_step() {
    drop_cancelled();
    LW_RETURN_IF_ERROR(join());
    report_done();
    if (scheduler_.empty()) return {};
    LW_RETURN_IF_ERROR(scheduler_.step({}));
    ++steps_;
    report_done();
    return {};
  }

  /// After a failure no active request can go on.
  void end_all() {
    scheduler_.abandon();
    std::list<Ticket> ended;
    {
      const std::lock_guard lock(mutex_);
      ended.swap(active_);
    }
    for (Ticket& ticket : ended) end(ticket);
  }

  static void end(Ticket& ticket) {
    std::vector<Hypothesis>& hypotheses = ticket.result.hypotheses;
    hypotheses.resize(1);  // has it from the beginning: memory may have run out
    hypotheses.front().ids.clear();
    hypotheses.front().score = 0;
    hypotheses.front().finish_reason = FinishReason::kCancelled;
    if (ticket.request.on_done) ticket.request.on_done(ticket.result);
  }

  void drop_cancelled() {
    std::vector<uint64_t> numbers;
    std::list<Ticket> dropped;
    {
      const std::lock_guard lock(mutex_);
      numbers.swap(cancelled_);
      for (auto it = waiting_.begin(); it != waiting_.end();) {
        const auto next = std::next(it);
        if (std::find(numbers.begin(), numbers.end(), it->number) != numbers.end()) {
          dropped.splice(dropped.end(), waiting_, it);
        }
        it = next;
      }
    }
    for (Ticket& ticket : dropped) end(ticket);
    for (const uint64_t number : numbers) scheduler_.stop(number, FinishReason::kCancelled);
  }

  /// The first request that has room, among those that may join: only the first of all after it
  /// has been overtaken for long enough.
  std::list<Ticket>::iterator next_to_join() {
    const auto has_room = [&](Ticket& ticket) {
      return scheduler_.has_room(ticket.for_scheduler());
    };
    const auto first = waiting_.begin();
    if (first == waiting_.end() || has_room(*first)) return first;
    if (first->steps_as_first >= overtaking_steps_) return waiting_.end();
    return std::find_if(std::next(first), waiting_.end(), has_room);
  }

  /// The next request moves to the active ones; null if none may join.
  Ticket* take_next() {
    const std::lock_guard lock(mutex_);
    const auto next = next_to_join();
    if (next == waiting_.end()) return nullptr;
    active_.splice(active_.end(), waiting_, next);
    return &active_.back();
  }

  Status join() {
    while (Ticket* ticket = take_next()) {
      LW_RETURN_IF_ERROR(scheduler_.join(ticket->for_scheduler()));
    }
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) ++waiting_.front().steps_as_first;
    return {};
  }

  void report_done() {
    std::vector<uint64_t> done;
    scheduler_.leave([&](uint64_t number) { done.push_back(number); });
    for (const uint64_t number : done) report(number);
  }

  void report(uint64_t number) {
    std::list<Ticket> one;
    {
      const std::lock_guard lock(mutex_);
      const auto ticket = std::find_if(active_.begin(), active_.end(), [&](const Ticket& active) {
        return active.number == number;
      });
      if (ticket == active_.end()) return;
      one.splice(one.end(), active_, ticket);
    }
    const Ticket& ticket = one.front();
    if (ticket.request.on_done) ticket.request.on_done(ticket.result);
  }

  void update_stats() {
    const decode::PagePool& pages = decoder_->cache().pages();
    stats_.steps = steps_;
    stats_.cache_bytes = pages.pages() * pages.page_bytes();
    stats_.cache_bytes_free = pages.free_pages() * pages.page_bytes();
  }

  const Model model_;
  const std::unique_ptr<decode::Decoder> decoder_;
  decode::Scheduler scheduler_;  // of the thread that steps
  const int64_t prompt_tokens_;
  const int64_t overtaking_steps_;
  int64_t steps_ = 0;  // of the thread that steps
  exec::CallGuard guard_{"engine"};
  std::atomic<uint64_t> next_number_{1};

  mutable exec::ProcessMutex mutex_;  // guards what follows
  std::list<Ticket> waiting_;
  std::list<Ticket> active_;
  std::vector<uint64_t> cancelled_;
  EngineStats stats_;
};

Result<Engine> Engine::create(const Model& model, const EngineOptions& options) {
  return base::no_throw([&]() -> Result<Engine> {
    LW_RETURN_IF_ERROR(check_at_least(1, "max_sequences", options.max_sequences));
    LW_RETURN_IF_ERROR(check_at_least(1, "prompt_tokens", options.prompt_tokens));
    LW_RETURN_IF_ERROR(check_at_least(0, "overtaking_steps", options.overtaking_steps));
    LW_ASSIGN_OR_RETURN(auto decoder, decode::Decoder::create(model, options.session));
    if (decoder->has_encoder()) {
      return unsupported("an Engine takes decoders without an encoder; use a Generator");
    }
    return Engine(std::make_unique<Impl>(model, std::move(decoder), options));
  });
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result<uint64_t> Engine::submit(EngineRequest request) {
  return base::no_throw([&] { return impl_->submit(std::move(request)); });
}

bool Engine::cancel(uint64_t request) noexcept {
  const auto found = base::no_throw([&]() -> Result<bool> { return impl_->cancel(request); });
  return found.ok() && *found;
}

Result<bool> Engine::step() {
  return base::no_throw([&] { return impl_->step(); });
}

Status Engine::reserve(int64_t sequences, int64_t tokens) {
  return base::no_throw([&] { return impl_->reserve(sequences, tokens); });
}

int64_t Engine::memory_bytes(int64_t sequences, int64_t tokens) const noexcept {
  return impl_->memory_bytes(sequences, tokens);
}

EngineStats Engine::stats() const noexcept { return impl_->stats(); }
int Engine::threads() const noexcept { return impl_->threads(); }

}  // namespace lanewise
