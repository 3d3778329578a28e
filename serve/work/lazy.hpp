#pragma once

#include <memory>
#include <mutex>

#include "lanewise/status.hpp"

namespace lanewise::serve {

/// Something that is made when it is first wanted. Thread-safe.
template <typename Made>
class Lazy {
 public:
  /// What `make` made; a failure is not kept, and is cheap where it is for good.
  template <typename Make>
  Result<Made*> get(Make&& make) {
    const std::lock_guard lock(mutex_);
    if (made_ == nullptr) {
      Result<std::unique_ptr<Made>> result = make();
      if (!result.ok()) return result.status();
      made_ = std::move(result).value();
    }
    return made_.get();
  }

  /// Null if nothing has wanted it yet.
  Made* peek() const {
    const std::lock_guard lock(mutex_);
    return made_.get();
  }

 private:
  mutable std::mutex mutex_;
  std::unique_ptr<Made> made_;
};

}  // namespace lanewise::serve
