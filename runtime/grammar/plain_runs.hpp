#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "runtime/grammar/machine.hpp"

namespace lanewise::grammar {

/// Whether a code point stands for itself in a string of JSON. Most tokens consist of such
/// characters alone.
constexpr bool is_plain(char32_t code_point) noexcept {
  return code_point >= 0x20 && code_point != '"' && code_point != '\\';
}

/// Says how many plain characters may follow a state, whichever they are. Not thread-safe;
/// exceptions as in Machine.
class PlainRuns {
 public:
  /// Longer runs are not looked for: few tokens are longer.
  static constexpr size_t kLongest = 16;

  /// `machine` must outlive it.
  explicit PlainRuns(Machine& machine, const Automaton& automaton);

  /// The greatest number up to kLongest so that every text of as many plain characters may follow.
  size_t after(int32_t state);

 private:
  using States = std::vector<int32_t>;

  const std::optional<States>& next(int32_t state);
  std::optional<States> follow(int32_t state);
  bool step(const States& states, const std::vector<uint8_t>& bytes, States& to);

  Machine& machine_;
  /// The UTF-8 of the plain characters: byte sequences, with one byte for each class.
  std::vector<std::vector<std::vector<uint8_t>>> sequences_;
  /// The states behind a plain character, or nothing if one of them is dead.
  std::unordered_map<int32_t, std::optional<States>> next_;
};

}  // namespace lanewise::grammar
