#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/chat/value.hpp"

namespace lanewise::chat {

struct Builtin;
struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
/// In the order of the template.
using Body = std::vector<Statement>;

enum class Operator : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct Keyword {
  std::string_view name;
  ExpressionPtr value;
};

struct Expression {
  enum class Kind : uint8_t {
    kConstant,     ///< value
    kName,         ///< name
    kAttribute,    ///< parts[0].name
    kItem,         ///< parts[0][parts[1]]
    kSlice,        ///< parts[0][parts[1]:parts[2]:parts[3]], of which the last three may be null
    kCall,         ///< parts[0](parts[1]..., keywords)
    kFilter,       ///< parts[0] | name(parts[1]..., keywords)
    kTest,         ///< parts[0] is name(parts[1]..., keywords)
    kList,         ///< [parts]
    kTuple,        ///< (parts)
    kDict,         ///< {parts[0]: parts[1], ...}
    kNot,          ///< parts[0]
    kNegative,     ///< -parts[0]
    kPositive,     ///< +parts[0]
    kAnd,          ///< parts[0] and parts[1]
    kOr,           ///< parts[0] or parts[1]
    kBinary,       ///< parts[0] operators[0] parts[1]
    kComparison,   ///< parts[0] operators[0] parts[1] operators[1] parts[2] ...
    kConcat,       ///< parts[0] ~ parts[1] ~ ...
    kConditional,  ///< parts[1] if parts[0] else parts[2], which may be null
    kCaptured,     ///< the text of {% set x | filter %}
  };

  Kind kind;
  int line = 0;
  int depth = 1;  ///< of the tree below, which the parser limits
  std::string_view name;
  Value value;
  const Builtin* builtin = nullptr;  ///< of a filter or a test
  std::vector<ExpressionPtr> parts;
  std::vector<Keyword> keywords;
  std::vector<Operator> operators;
};

using ExpressionKind = Expression::Kind;

struct Statement {
  enum class Kind : uint8_t {
    kText,        ///< text
    kOutput,      ///< {{ value }}
    kIf,          ///< conditions[i] and bodies[i]; one more body is that of else
    kFor,         ///< target, value, condition or null, bodies[0], bodies[1] of else
    kSet,         ///< target, value
    kSetBlock,    ///< target, bodies[0], value: null or the filters of the text
    kMacro,       ///< name, parameters, bodies[0]
    kGeneration,  ///< bodies[0]
    kBreak,
    kContinue,
  };

  Kind kind;
  int line = 0;
  std::string_view text;
  ExpressionPtr target;  ///< a name, a tuple of targets, or the attribute of a namespace
  ExpressionPtr value;
  std::vector<ExpressionPtr> conditions;
  std::vector<Body> bodies;
  std::vector<Keyword> parameters;  ///< with their defaults, null for none
  std::string_view name;
};

using StatementKind = Statement::Kind;

/// A parsed template. Its nodes refer to its texts, so it stays where it is.
struct Program {
  std::string source;
  std::deque<std::string> strings;
  Body body;
};

}  // namespace lanewise::chat
