#include "serve/model_slot.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include "lanewise/status_macros.hpp"

namespace lanewise::serve {
namespace {

// How often those that wait for a model look after their clients.
constexpr std::chrono::milliseconds kLookWhileOpening{20};

}  // namespace

ModelSlot::ModelSlot(ModelSource source, const SessionOptions& session, const Limits& limits)
    : source_(std::move(source)),
      session_(session),
      limits_(limits),
      created_(seconds_since_1970()) {}

int64_t ModelSlot::created() const {
  const auto model = peek();
  return model == nullptr ? created_ : model->created();
}

std::shared_ptr<ServedModel> ModelSlot::peek() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Result<std::shared_ptr<ServedModel>> ModelSlot::get(Exchange& exchange) {
  Lock lock(mutex_);
  while (current_ == nullptr && opening_) {
    LANEWISE_RETURN_IF_ERROR(check_exchange(exchange));
    opened_.wait_for(lock, kLookWhileOpening);
  }
  if (current_ == nullptr) {
    const Status status = open_behind(lock);
    if (!status.ok()) {
      if (source_.on_failure) source_.on_failure(status);
      return io_error("the model '" + name() + "' cannot be opened");
    }
  }
  return current_;
}

Status ModelSlot::open() {
  Lock lock(mutex_);
  return open_behind(lock);
}

Result<ModelSlot::Change> ModelSlot::renew() {
  Lock lock(mutex_);
  opened_.wait(lock, [this] { return !opening_; });
  if (current_ == nullptr || source_.path.empty()) return Change::kNone;
  if (file_stamps(source_.path) == stamps_) return Change::kNone;
  LANEWISE_RETURN_IF_ERROR(open_behind(lock));
  return Change::kReplaced;
}

/// Opens the model while others use the slot.
Status ModelSlot::open_behind(Lock& lock) {
  opening_ = true;
  lock.unlock();
  Result<Opened> opened = read();
  lock.lock();
  opening_ = false;
  opened_.notify_all();
  if (!opened.ok()) return opened.status();
  current_.swap(opened->model);
  stamps_.swap(opened->stamps);
  // If nobody else has the old model, its threads end now, which nobody has to wait for.
  lock.unlock();
  opened->model.reset();
  lock.lock();
  return {};
}

Result<ModelSlot::Opened> ModelSlot::read() const noexcept {
  try {
    Opened opened;
    // What changes while the files are read counts as a change the next time.
    opened.stamps = file_stamps(source_.path);
    LANEWISE_ASSIGN_OR_RETURN(Model model, source_.open());
    opened.model = std::make_shared<ServedModel>(name(), std::move(model), session_, limits_);
    return opened;
  } catch (const std::exception&) {
    return resource_exhausted("out of memory");
  }
}

BatchStats ModelSlot::batch_stats() const {
  const auto model = peek();
  return model == nullptr ? BatchStats() : model->batch_stats();
}

EngineStats ModelSlot::engine_stats() const {
  const auto model = peek();
  return model == nullptr ? EngineStats() : model->engine_stats();
}

}  // namespace lanewise::serve
