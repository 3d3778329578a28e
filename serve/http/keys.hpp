#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::serve {

/// The keys that clients may have. Immutable, so thread-safe.
class ApiKeys {
 public:
  /// None: every client may come.
  ApiKeys() = default;
  /// A key on each line of `text`; blank lines and those that begin with `#` are none. Fails with
  /// kInvalidArgument if there is no key, or one has a character that no header can have; the
  /// message gives the line and not the key.
  static Result<ApiKeys> parse(std::string_view text);

  bool required() const noexcept { return !keys_.empty(); }
  /// Whether `authorization`, the value of that header, is `Bearer` and a key. Takes a time that
  /// depends on its length alone: nobody can find a key letter by letter.
  bool allows(std::string_view authorization) const noexcept;

 private:
  std::vector<std::string> keys_;
};

}  // namespace lanewise::serve
