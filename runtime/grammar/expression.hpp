#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/grammar/automaton.hpp"
#include "runtime/grammar/code_point_set.hpp"

namespace lanewise::grammar {

/// A parsed pattern: a tree in a list, in which children come before their parents.
class Expressions {
 public:
  using Id = int32_t;
  static constexpr int32_t kUnlimited = -1;

  Id sequence(std::vector<Id> parts) { return add({Kind::kSequence, std::move(parts)}); }
  Id choice(std::vector<Id> alternatives) { return add({Kind::kChoice, std::move(alternatives)}); }
  Id empty() { return sequence({}); }
  Id character(CodePointSet set);
  /// `min` to `max` copies; kUnlimited: any number.
  Id repeat(Id part, int32_t min, int32_t max);
  Id rule(int32_t rule);

  /// How one character of a set is written: AutomatonBuilder::character, or as in a JSON string.
  using WriteCharacter =
      std::function<int32_t(AutomatonBuilder&, int32_t from, const CodePointSet&)>;
  static int32_t write_utf8(AutomatonBuilder& builder, int32_t from, const CodePointSet& set) {
    return builder.character(from, set);
  }

  /// Adds the texts of an expression behind the node `from` and returns the node behind them.
  int32_t add_to(AutomatonBuilder& builder, int32_t from, Id id,
                 const WriteCharacter& write = write_utf8) const;

 private:
  enum class Kind { kSequence, kChoice, kCharacter, kRepeat, kRule };
  struct Expression {
    Kind kind;
    std::vector<Id> parts;
    CodePointSet set = {};
    int32_t min = 0;  ///< of a repetition; of a rule: its number
    int32_t max = 0;
  };

  Id add(Expression expression);
  int32_t add_repeat(AutomatonBuilder& builder, int32_t from, const Expression& repeat,
                     const WriteCharacter& write) const;

  std::vector<Expression> list_;
};

/// Groups nest at most this deep in a pattern, so that functions may recurse.
inline constexpr int kMaxNesting = 200;
/// The largest count of a repetition.
inline constexpr int32_t kMaxCount = 100'000;

}  // namespace lanewise::grammar
