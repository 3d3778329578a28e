#include "base/messages.hpp"

#include <cerrno>
#include <new>
#include <system_error>

#include "base/no_throw.hpp"
#include "lanewise/messages.hpp"

namespace lanewise::base {
namespace {

// Tensor names in real models stay under 100 bytes and paths under 200; a header may contain a name
// of 100 MB.
constexpr size_t kLongestQuote = 240;

constexpr bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

std::string in_quotes(std::string_view text) {
  size_t length = text.size();
  if (length > kLongestQuote) {
    length = kLongestQuote;
    while (length > 0 && is_continuation(text[length])) --length;  // not inside a character
  }
  std::string result = "'";
  for (const char c : text.substr(0, length)) result += is_control(c) ? '?' : c;
  if (length < text.size()) result += "...";
  return result + "'";
}

std::string reason_of(int error) { return std::generic_category().message(error); }

StatusCode code_of(int error) noexcept {
  if (error == ENOENT || error == ENOTDIR) return StatusCode::kNotFound;
  if (error == ENOMEM || error == EMFILE || error == ENFILE) return StatusCode::kResourceExhausted;
  return StatusCode::kIo;
}

Status file_error(StatusCode code, std::string_view action, std::string_view path,
                  std::string_view reason) {
  std::string message = "cannot ";
  message.append(action).append(" ").append(in_quotes(path)).append(": ").append(reason);
  return {code, std::move(message)};
}

Status os_error(std::string_view action, std::string_view path, int error) {
  return file_error(code_of(error), action, path, reason_of(error));
}

}  // namespace lanewise::base

namespace lanewise {

std::string in_quotes(std::string_view text) noexcept {
  try {
    return base::in_quotes(text);
  } catch (const std::bad_alloc&) {
    return "'...'";  // short enough for std::string to store without an allocation
  }
}

Status os_error(std::string_view action, std::string_view path, int error) {
  return base::no_throw([&] { return base::os_error(action, path, error); });
}

}  // namespace lanewise
