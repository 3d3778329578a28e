#include "runtime/chat/store.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "runtime/chat/limits.hpp"

namespace lanewise::chat {
namespace {

constexpr size_t kBlockBytes = size_t{64} << 10;
constexpr size_t kAlignment = alignof(std::max_align_t);

}  // namespace

Status Store::exhausted() {
  return resource_exhausted("the template takes more than " +
                            std::to_string(kMaxMemoryBytes >> 20) + " MB of memory");
}

Status Store::spend(size_t steps) {
  steps_ += steps;
  if (steps_ <= kMaxSteps) return {};
  steps_ = kMaxSteps;  // cannot overflow
  return resource_exhausted("the template takes more than " + std::to_string(kMaxSteps) + " steps");
}

Result<void*> Store::allocate(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (bytes > kMaxMemoryBytes - bytes_) return exhausted();
  LW_RETURN_IF_ERROR(spend_text(bytes));
  bytes_ += bytes;
  if (bytes > left_) {
    const bool own_block = bytes > kBlockBytes / 4;
    auto block = std::make_unique_for_overwrite<std::byte[]>(own_block ? bytes : kBlockBytes);
    std::byte* const begin = block.get();
    blocks_.push_back(std::move(block));
    if (own_block) return begin;
    current_ = begin;
    left_ = kBlockBytes;
  }
  std::byte* const begin = current_;
  current_ += bytes;
  left_ -= bytes;
  return begin;
}

template <typename T>
Result<std::span<const T>> Store::copy(std::span<const T> items) {
  LW_ASSIGN_OR_RETURN(const std::span<T> copied, array<T>(items.size()));
  std::ranges::copy(items, copied.begin());
  return std::span<const T>(copied);
}

Result<Value> Store::string(std::string_view text) {
  const std::string_view texts[] = {text};
  return joined(texts);
}

Result<Value> Store::joined(std::span<const std::string_view> texts) {
  size_t size = 0;
  for (const std::string_view text : texts) {
    if (text.size() > kMaxCount - size) return exhausted();
    size += text.size();
  }
  LW_ASSIGN_OR_RETURN(void* const memory, allocate(size));
  char* const begin = static_cast<char*>(memory);
  char* end = begin;
  for (const std::string_view text : texts) end = std::ranges::copy(text, end).out;
  return Value::string({begin, size});
}

Result<Value> Store::list(std::span<const Value> items) {
  LW_ASSIGN_OR_RETURN(const std::span<const Value> copied, copy(items));
  return Value::list(copied);
}

Result<Value> Store::tuple(std::span<const Value> items) {
  LW_ASSIGN_OR_RETURN(const std::span<const Value> copied, copy(items));
  return Value::tuple(copied);
}

Result<Value> Store::dict(std::span<const Entry> entries) {
  LW_ASSIGN_OR_RETURN(const std::span<const Entry> copied, copy(entries));
  return Value::dict(copied);
}

Result<Value> Store::stream(std::span<const Value> items) {
  LW_ASSIGN_OR_RETURN(const std::span<const Value> copied, copy(items));
  LW_ASSIGN_OR_RETURN(Stream* const stream, make(Stream{copied}));
  return Value::stream(stream);
}

Result<Value> Store::undefined(std::span<const std::string_view> message) {
  LW_ASSIGN_OR_RETURN(const Value text, joined(message));
  return Value::undefined(text.text());
}

}  // namespace lanewise::chat
