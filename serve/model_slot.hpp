#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "serve/file_stamps.hpp"
#include "serve/served_model.hpp"

namespace lanewise::serve {

/// Where a model comes from.
struct ModelSource {
  std::string name;
  std::string path;  ///< a file or a folder that is looked at for changes; empty: there is none
  /// Opens it, by any thread, one at a time. Must not throw but bad_alloc.
  std::function<Result<Model>()> open;
  /// Told why a request's model could not be opened, which names files and is not for clients. Must
  /// not throw but bad_alloc; may be empty.
  std::function<void(const Status&)> on_failure = {};
};

/// A name, and the model behind it: none before its first use, and another one after its file has
/// been replaced.
///
/// Whoever works with a model holds it, so one that has been replaced ends with its last request.
/// All calls are thread-safe.
class ModelSlot {
 public:
  ModelSlot(ModelSource source, const SessionOptions& session, const Limits& limits);

  const std::string& name() const noexcept { return source_.name; }
  /// Seconds since 1970, when the model was opened, or the server started.
  int64_t created() const;

  /// The model, opened if it is not yet; others wait meanwhile. A failure is not kept: the next
  /// request tries again. Fails with kIo if it cannot be opened, with kCancelled as check_exchange().
  Result<std::shared_ptr<ServedModel>> get(Exchange& exchange);

  /// Null if it is not open yet.
  std::shared_ptr<ServedModel> peek() const;

  /// Opens it at the start of a server. Fails as ModelSource::open does.
  Status open();

  enum class Change { kNone, kReplaced };
  /// Opens an open model again if its files have changed. Requests go on with the old one until the
  /// new one is there, and keep it if that fails. Fails as ModelSource::open does.
  Result<Change> renew();

  /// Of the model behind the name now.
  BatchStats batch_stats() const;
  EngineStats engine_stats() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Opened {
    std::shared_ptr<ServedModel> model;
    std::vector<FileStamp> stamps;
  };
  Status open_behind(Lock& lock);
  Result<Opened> read() const noexcept;

  const ModelSource source_;
  const SessionOptions session_;
  const Limits limits_;
  const int64_t created_;
  mutable std::mutex mutex_;
  std::condition_variable opened_;
  bool opening_ = false;
  std::shared_ptr<ServedModel> current_;
  std::vector<FileStamp> stamps_;  // of its files, just before they were read
};

}  // namespace lanewise::serve
