#include "serve/work/generation_work.hpp"

#include <chrono>
#include <list>
#include <new>
#include <thread>
#include <utility>

#include "lanewise/status_macros.hpp"
#include "serve/work/batcher.hpp"

namespace lanewise::serve {
namespace {

constexpr std::chrono::milliseconds kLookForReader{20};
constexpr std::chrono::milliseconds kPauseWithoutMemory{10};
// Each may remember up to 128 MB.
constexpr size_t kMostConstraints = 4;

/// What the stepping thread tells the one that waits.
struct Progress {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int32_t> tokens;  // not taken yet
  std::optional<Generation> result;
};

}  // namespace

class GenerationWork::Impl {
 public:
  Impl(Engine engine, Tokenizer tokenizer)
      : engine_(std::move(engine)),
        tokenizer_(std::move(tokenizer)),
        thread_([this] { step_all(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<uint64_t> submit(EngineRequest request) {
    LANEWISE_ASSIGN_OR_RETURN(const uint64_t number, engine_.submit(std::move(request)));
    {
      const std::lock_guard lock(mutex_);
      submitted_ = true;
    }
    wake_.notify_all();
    return number;
  }
  void cancel(uint64_t number) noexcept { engine_.cancel(number); }
  Result<Constraint> json_constraint(const std::string& schema);
  const Tokenizer& tokenizer() const noexcept { return tokenizer_; }
  EngineStats stats() const noexcept { return engine_.stats(); }

 private:
  /// Steps while there is something to do, and sleeps while there is nothing.
  void step_all() {
    std::unique_lock lock(mutex_);
    while (!ends_) {
      submitted_ = false;
      lock.unlock();
      const Result<bool> more = engine_.step();
      // Without memory those that were active have ended, and their clients know.
      if (!more.ok()) std::this_thread::sleep_for(kPauseWithoutMemory);
      lock.lock();
      if (more.ok() && !*more) wake_.wait(lock, [this] { return ends_ || submitted_; });
    }
  }

  Engine engine_;
  Tokenizer tokenizer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool submitted_ = false;
  bool ends_ = false;

  std::mutex constraints_mutex_;
  std::optional<GrammarVocabulary> vocabulary_;
  std::list<std::pair<std::string, Constraint>> constraints_;  // the last used first
  std::thread thread_;                                         // last: it uses the others
};

Result<Constraint> GenerationWork::Impl::json_constraint(const std::string& schema) {
  const std::lock_guard lock(constraints_mutex_);
  for (auto one = constraints_.begin(); one != constraints_.end(); ++one) {
    if (one->first != schema) continue;
    constraints_.splice(constraints_.begin(), constraints_, one);
    return one->second;
  }
  if (!vocabulary_) {
    LANEWISE_ASSIGN_OR_RETURN(vocabulary_, GrammarVocabulary::of(tokenizer_));
  }
  const std::string_view any_object = R"({"type": "object"})";
  LANEWISE_ASSIGN_OR_RETURN(const Grammar grammar,
                            Grammar::from_json_schema(schema.empty() ? any_object : schema));
  LANEWISE_ASSIGN_OR_RETURN(Constraint made, Constraint::create(grammar, *vocabulary_));
  constraints_.emplace_front(schema, made);
  if (constraints_.size() > kMostConstraints) constraints_.pop_back();
  return made;
}

namespace {

class EngineContinuation final : public Continuation {
 public:
  EngineContinuation(std::shared_ptr<Progress> progress, std::function<void()> cancel)
      : progress_(std::move(progress)), cancel_(std::move(cancel)) {}
  ~EngineContinuation() override {
    bool ended = false;
    {
      const std::lock_guard lock(progress_->mutex);
      ended = progress_->result.has_value();
    }
    // Without the lock: the engine may be calling us.
    if (!ended) cancel_();
  }

  Result<bool> next(Exchange& exchange, std::vector<int32_t>& tokens) override {
    std::unique_lock lock(progress_->mutex);
    LANEWISE_RETURN_IF_ERROR(
        wait(lock, exchange, [this] { return !progress_->tokens.empty() || progress_->result; }));
    tokens.insert(tokens.end(), progress_->tokens.begin(), progress_->tokens.end());
    const bool more = !progress_->tokens.empty();
    progress_->tokens.clear();
    if (!more) LANEWISE_RETURN_IF_ERROR(check_result());
    return more;
  }

  Result<Generation> finish(Exchange& exchange) override {
    std::unique_lock lock(progress_->mutex);
    LANEWISE_RETURN_IF_ERROR(
        wait(lock, exchange, [this] { return progress_->result.has_value(); }));
    LANEWISE_RETURN_IF_ERROR(check_result());
    return *progress_->result;
  }

 private:
  template <typename Ready>
  Status wait(std::unique_lock<std::mutex>& lock, Exchange& exchange, Ready&& ready) {
    while (!progress_->changed.wait_for(lock, kLookForReader, ready)) {
      lock.unlock();
      const Status status = check_exchange(exchange);
      lock.lock();
      LANEWISE_RETURN_IF_ERROR(status);
    }
    return {};
  }

  /// Nobody but us cancels, and we no longer ask then: the engine had no memory for a step.
  Status check_result() const {
    for (const Hypothesis& hypothesis : progress_->result->hypotheses) {
      if (hypothesis.finish_reason == FinishReason::kCancelled) {
        return resource_exhausted("out of memory");
      }
    }
    return {};
  }

  std::shared_ptr<Progress> progress_;
  std::function<void()> cancel_;
};

}  // namespace

Result<std::unique_ptr<GenerationWork>> GenerationWork::create(const Model& model,
                                                               const SessionOptions& session) {
  EngineOptions options;
  options.session = session;
  LANEWISE_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::of_target(model));
  LANEWISE_ASSIGN_OR_RETURN(Engine engine, Engine::create(model, options));
  return std::unique_ptr<GenerationWork>(
      new GenerationWork(std::make_unique<Impl>(std::move(engine), std::move(tokenizer))));
}

GenerationWork::GenerationWork(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GenerationWork::~GenerationWork() = default;

Result<std::unique_ptr<Continuation>> GenerationWork::start(std::vector<int32_t> ids,
                                                            GenerationOptions options,
                                                            std::optional<Constraint> constraint,
                                                            bool streams) {
  const auto progress = std::make_shared<Progress>();
  EngineRequest request;
  request.ids = std::move(ids);
  request.options = std::move(options);
  request.constraint = std::move(constraint);
  if (streams) {
    request.on_token = [progress](int32_t token) {
      const std::lock_guard lock(progress->mutex);
      progress->tokens.push_back(token);
      progress->changed.notify_all();
      return true;
    };
  }
  request.on_done = [progress](const Generation& result) {
    const std::lock_guard lock(progress->mutex);
    progress->result = result;
    progress->changed.notify_all();
  };
  LANEWISE_ASSIGN_OR_RETURN(const uint64_t number, impl_->submit(std::move(request)));
  return std::unique_ptr<Continuation>(std::make_unique<EngineContinuation>(
      progress, [impl = impl_.get(), number] { impl->cancel(number); }));
}

Result<Constraint> GenerationWork::json_constraint(const std::string& schema) {
  return impl_->json_constraint(schema);
}

const Tokenizer& GenerationWork::tokenizer() const noexcept { return impl_->tokenizer(); }
EngineStats GenerationWork::stats() const noexcept { return impl_->stats(); }

}  // namespace lanewise::serve
