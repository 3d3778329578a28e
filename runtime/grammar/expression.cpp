#include "runtime/grammar/expression.hpp"

#include <utility>

namespace lanewise::grammar {

Expressions::Id Expressions::add(Expression expression) {
  list_.push_back(std::move(expression));
  return static_cast<Id>(list_.size() - 1);
}

Expressions::Id Expressions::character(CodePointSet set) {
  return add({Kind::kCharacter, {}, std::move(set)});
}

Expressions::Id Expressions::repeat(Id part, int32_t min, int32_t max) {
  return add({Kind::kRepeat, {part}, {}, min, max});
}

Expressions::Id Expressions::rule(int32_t rule) { return add({Kind::kRule, {}, {}, rule}); }

int32_t Expressions::add_to(AutomatonBuilder& builder, int32_t from, Id id,
                            const WriteCharacter& write) const {
  const Expression& expression = list_[static_cast<size_t>(id)];
  switch (expression.kind) {
    case Kind::kSequence:
      for (const Id part : expression.parts) from = add_to(builder, from, part, write);
      return from;
    case Kind::kChoice: {
      const int32_t end = builder.add_node();
      for (const Id part : expression.parts) {
        // A node of its own: an alternative may begin with a loop that returns to its first node.
        const int32_t begin = builder.add_node();
        builder.add_empty(from, begin);
        builder.add_empty(add_to(builder, begin, part, write), end);
      }
      return end;
    }
    case Kind::kCharacter:
      return write(builder, from, expression.set);
    case Kind::kRepeat:
      return add_repeat(builder, from, expression, write);
    case Kind::kRule:
      return builder.call(from, expression.min);
  }
  return from;
}

int32_t Expressions::add_repeat(AutomatonBuilder& builder, int32_t from, const Expression& repeat,
                                const WriteCharacter& write) const {
  const Id part = repeat.parts[0];
  for (int32_t i = 0; i < repeat.min && !builder.full(); ++i) {
    const int32_t before = std::exchange(from, add_to(builder, from, part, write));
    if (from == before) break;  // nothing, however often
  }
  if (repeat.max == kUnlimited) {
    const int32_t loop = builder.add_node();
    builder.add_empty(from, loop);
    builder.add_empty(add_to(builder, loop, part, write), loop);
    const int32_t end = builder.add_node();
    builder.add_empty(loop, end);
    return end;
  }
  const int32_t end = builder.add_node();
  builder.add_empty(from, end);
  for (int32_t i = repeat.min; i < repeat.max && !builder.full(); ++i) {
    const int32_t before = std::exchange(from, add_to(builder, from, part, write));
    if (from == before) break;
    builder.add_empty(from, end);
  }
  return end;
}

}  // namespace lanewise::grammar
