#include "runtime/c/calls.hpp"

#include <algorithm>
#include <array>

#include "runtime/c/handles.hpp"

namespace lanewise::c {
namespace {

// A longer message is cut: it names files and tensors, whose names can be of any length.
constexpr size_t kMessageBytes = 1024;
constinit thread_local std::array<char, kMessageBytes> t_message{};

// Far beyond any struct of options: what is larger was not initialised.
constexpr size_t kLargestStruct = 4096;

// About 30 years: what is longer would overflow the clock.
constexpr int64_t kLongestTimeoutMs = 1'000'000'000'000;

lw_status code_of(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::kOk:
      return LW_OK;
    case StatusCode::kInvalidArgument:
      return LW_INVALID_ARGUMENT;
    case StatusCode::kNotFound:
      return LW_NOT_FOUND;
    case StatusCode::kDataLoss:
      return LW_DATA_LOSS;
    case StatusCode::kUnsupported:
      return LW_UNSUPPORTED;
    case StatusCode::kIo:
      return LW_IO;
    case StatusCode::kResourceExhausted:
      return LW_RESOURCE_EXHAUSTED;
    case StatusCode::kCancelled:
      return LW_CANCELLED;
    case StatusCode::kInternal:
      break;
  }
  return LW_INTERNAL;
}

/// `text` up to `most` bytes, without part of a character.
std::string_view cut(std::string_view text, size_t most) noexcept {
  if (text.size() <= most) return text;
  const auto continues = [&](size_t i) { return (static_cast<uint8_t>(text[i]) & 0xc0) == 0x80; };
  while (most > 0 && continues(most)) --most;
  return text.substr(0, most);
}

}  // namespace

lw_status report(const Status& status) noexcept {
  if (status.ok()) return LW_OK;
  const std::string_view message = cut(status.message(), kMessageBytes - 1);
  std::copy(message.begin(), message.end(), t_message.begin());
  t_message[message.size()] = '\0';
  return code_of(status.code());
}

Status check_given(std::initializer_list<Argument> arguments) {
  for (const Argument& argument : arguments) {
    if (argument.pointer == nullptr)
      return invalid_argument(std::string(argument.name) + " is NULL");
  }
  return {};
}

Result<std::vector<std::string_view>> views(const char* const* texts, size_t count) {
  if (count > 0) LW_RETURN_IF_ERROR(check_given({{"texts", texts}}));
  std::vector<std::string_view> all(count);
  for (size_t i = 0; i < count; ++i) {
    if (texts[i] == nullptr) return invalid_argument("text " + std::to_string(i + 1) + " is NULL");
    all[i] = texts[i];
  }
  return all;
}

Status read_struct(const char* name, const void* given, void* options, size_t known) {
  size_t size = 0;
  std::memcpy(&size, given, sizeof(size));
  if (size < sizeof(size) || size > kLargestStruct) {
    return invalid_argument(std::string(name) + ": size: expected that of the struct, " +
                            std::to_string(known) + ", found " + std::to_string(size));
  }
  const auto* const bytes = static_cast<const char*>(given);
  if (std::any_of(bytes + std::min(size, known), bytes + size, [](char byte) { return byte; })) {
    return unsupported(std::string(name) + ": has options that this version of the library lacks");
  }
  std::memcpy(options, given, std::min(size, known));
  return {};
}

Result<SessionOptions> session_options(const lw_session_options* given) {
  LW_ASSIGN_OR_RETURN(const lw_session_options read, read_options("lw_session_options", given));
  SessionOptions options;
  options.threads = read.threads;
  options.fast = read.fast != 0;
  if (read.isa != nullptr) options.isa = read.isa;
  options.cache_bytes = read.cache_bytes;
  if (read.host_threads == nullptr) return options;
  options.host_threads = [read](int count, const std::function<void()>& task) {
    const auto run = [](void* argument) {
      (*static_cast<const std::function<void()>*>(argument))();
    };
    read.host_threads(read.host_context, count, run, const_cast<std::function<void()>*>(&task));
  };
  return options;
}

Result<Run> run_of(const lw_run_options* given) {
  LW_ASSIGN_OR_RETURN(const lw_run_options read, read_options("lw_run_options", given));
  if (read.timeout_ms < 0) {
    return invalid_argument("timeout_ms: expected at least 0, found " +
                            std::to_string(read.timeout_ms));
  }
  Run run;
  if (read.cancellation != nullptr) run.options.cancel = &read.cancellation->flag;
  if (read.timeout_ms > 0 && read.timeout_ms <= kLongestTimeoutMs) {
    run.options.deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(read.timeout_ms);
  }
  if (read.on_progress != nullptr) {
    run.progress = [read](int64_t done) {
      read.on_progress(read.context, static_cast<size_t>(done));
    };
  }
  return run;
}

}  // namespace lanewise::c

extern "C" {

const char* lw_last_error(void) { return lanewise::c::t_message.data(); }

uint32_t lw_abi_version(void) { return LW_ABI_VERSION; }

const char* lw_version(void) { return LANEWISE_VERSION; }

lw_status lw_cancellation_create(lw_cancellation** cancellation) {
  return lanewise::c::call([&]() -> lanewise::Status {
    LW_RETURN_IF_ERROR(lanewise::c::check_given({{"cancellation", cancellation}}));
    *cancellation = new lw_cancellation();
    return {};
  });
}

void lw_cancellation_free(lw_cancellation* cancellation) { delete cancellation; }

void lw_cancel(lw_cancellation* cancellation) {
  if (cancellation != nullptr) cancellation->flag.store(true, std::memory_order_relaxed);
}

void lw_cancellation_reset(lw_cancellation* cancellation) {
  if (cancellation != nullptr) cancellation->flag.store(false, std::memory_order_relaxed);
}

}  // extern "C"
