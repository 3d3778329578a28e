#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/status_macros.hpp"
#include "lanewise/status.hpp"
#include "runtime/chat/value.hpp"

namespace lanewise::chat {

/// Owns what a template makes while it is rendered, and counts memory and steps.
///
/// Values are freed all at once at the end, so neither cycles (a namespace may contain itself) nor
/// deep nesting matter. All functions fail with kResourceExhausted beyond the limits.
class Store {
 public:
  /// Counts work.
  Status spend(size_t steps);
  /// Counts the reading of `bytes` of text.
  Status spend_text(size_t bytes) { return spend(bytes / 32 + 1); }

  /// A copy of `value`.
  template <typename T>
  Result<T*> make(const T& value) {
    LW_ASSIGN_OR_RETURN(const std::span<T> one, array<T>(1));
    one[0] = value;
    return one.data();
  }
  template <typename T>
  Result<std::span<T>> array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count > kMaxCount) return exhausted();
    LW_ASSIGN_OR_RETURN(void* const memory, allocate(count * sizeof(T)));
    auto* objects = static_cast<T*>(memory);
    std::uninitialized_value_construct_n(objects, count);
    return std::span<T>(objects, count);
  }

  Result<Value> string(std::string_view text);
  /// The texts one after another.
  Result<Value> joined(std::span<const std::string_view> texts);
  Result<Value> list(std::span<const Value> items);
  Result<Value> tuple(std::span<const Value> items);
  Result<Value> dict(std::span<const Entry> entries);
  Result<Value> stream(std::span<const Value> items);
  /// An undefined value whose use fails with the texts as a message.
  Result<Value> undefined(std::span<const std::string_view> message);

 private:
  static constexpr size_t kMaxCount = size_t{1} << 28;

  Result<void*> allocate(size_t bytes);
  template <typename T>
  Result<std::span<const T>> copy(std::span<const T> items);
  static Status exhausted();

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* current_ = nullptr;  // the block that is being filled
  size_t left_ = 0;               // bytes in it
  size_t bytes_ = 0;
  size_t steps_ = 0;
};

}  // namespace lanewise::chat
