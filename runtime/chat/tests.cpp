#include <string>

#include "runtime/chat/builtins.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"

namespace lanewise::chat {
namespace {

/// A test that only looks at the value.
template <bool (*holds)(const Value&)>
Result<Value> simple(Environment&, const Value& subject, Arguments) {
  return Value::boolean(holds(subject));
}

/// A test that compares with its argument.
template <Operator op>
Result<Value> compared(Environment& environment, const Value& subject, Arguments arguments) {
  LW_ASSIGN_OR_RETURN(const bool holds, compare(op, subject, arguments[0], environment.store));
  return Value::boolean(holds);
}

bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.is(ValueKind::kBoolean); }
bool is_the_true(const Value& value) { return value.is(ValueKind::kBoolean) && value.boolean(); }
bool is_the_false(const Value& value) { return value.is(ValueKind::kBoolean) && !value.boolean(); }
bool is_integer(const Value& value) { return value.is(ValueKind::kInteger); }
bool is_float(const Value& value) { return value.is(ValueKind::kFloat); }
bool is_number(const Value& value) { return value.is_number(); }
bool is_string(const Value& value) { return value.is_string(); }
bool is_mapping(const Value& value) { return value.is_dict(); }

bool is_sequence(const Value& value) {
  return value.is_string() || value.is_array() || value.is_dict() || value.is(ValueKind::kRange) ||
         value.is_undefined();
}

bool is_iterable(const Value& value) {
  return is_sequence(value) || value.is(ValueKind::kDictItems) || value.is(ValueKind::kDictKeys) ||
         value.is(ValueKind::kDictValues) || value.is(ValueKind::kStream) ||
         value.is(ValueKind::kLoop);
}

bool is_callable(const Value& value) {
  return value.is(ValueKind::kMacro) || value.is(ValueKind::kFunction) ||
         value.is(ValueKind::kMethod) || value.is(ValueKind::kLoop) || value.is_undefined();
}

Result<Value> remainder_is(Environment& environment, const Value& subject, const Value& divisor,
                           int64_t expected) {
  Store& store = environment.store;
  LW_ASSIGN_OR_RETURN(const Value remainder,
                      arithmetic(Operator::kModulo, subject, divisor, store));
  LW_ASSIGN_OR_RETURN(const bool same, equal(remainder, Value::integer(expected), store));
  return Value::boolean(same);
}

Result<Value> is_odd(Environment& environment, const Value& subject, Arguments) {
  return remainder_is(environment, subject, Value::integer(2), 1);
}

Result<Value> is_even(Environment& environment, const Value& subject, Arguments) {
  return remainder_is(environment, subject, Value::integer(2), 0);
}

Result<Value> is_divisible(Environment& environment, const Value& subject, Arguments arguments) {
  return remainder_is(environment, subject, arguments[0], 0);
}

/// `is` of Python, which templates use for true, false and none.
Result<Value> is_same(Environment& environment, const Value& subject, Arguments arguments) {
  if (subject.kind() != arguments[0].kind()) return Value::boolean(false);
  if (subject.is_none() || subject.is(ValueKind::kBoolean)) {
    LW_ASSIGN_OR_RETURN(const bool same, equal(subject, arguments[0], environment.store));
    return Value::boolean(same);
  }
  return unsupported("'sameas' is supported for true, false and none, not for " +
                     found_text(subject));
}

constexpr Builtin kTests[] = {
    {"defined", simple<is_defined>},
    {"undefined", simple<is_undefined>},
    {"none", simple<is_none>},
    {"boolean", simple<is_boolean>},
    {"true", simple<is_the_true>},
    {"false", simple<is_the_false>},
    {"integer", simple<is_integer>},
    {"float", simple<is_float>},
    {"number", simple<is_number>},
    {"string", simple<is_string>},
    {"mapping", simple<is_mapping>},
    {"sequence", simple<is_sequence>},
    {"iterable", simple<is_iterable>},
    {"callable", simple<is_callable>},
    {"odd", is_odd},
    {"even", is_even},
    {"divisibleby", is_divisible, {"num"}, 1},
    {"sameas", is_same, {"other"}, 1},
    {"in", compared<Operator::kIn>, {"seq"}, 1},
    {"==", compared<Operator::kEqual>, {"(b)"}, 1},
    {"eq", compared<Operator::kEqual>, {"(b)"}, 1},
    {"equalto", compared<Operator::kEqual>, {"(b)"}, 1},
    {"!=", compared<Operator::kNotEqual>, {"(b)"}, 1},
    {"ne", compared<Operator::kNotEqual>, {"(b)"}, 1},
    {"<", compared<Operator::kLess>, {"(b)"}, 1},
    {"lt", compared<Operator::kLess>, {"(b)"}, 1},
    {"lessthan", compared<Operator::kLess>, {"(b)"}, 1},
    {"<=", compared<Operator::kLessEqual>, {"(b)"}, 1},
    {"le", compared<Operator::kLessEqual>, {"(b)"}, 1},
    {">", compared<Operator::kGreater>, {"(b)"}, 1},
    {"gt", compared<Operator::kGreater>, {"(b)"}, 1},
    {"greaterthan", compared<Operator::kGreater>, {"(b)"}, 1},
    {">=", compared<Operator::kGreaterEqual>, {"(b)"}, 1},
    {"ge", compared<Operator::kGreaterEqual>, {"(b)"}, 1},
};

}  // namespace

const Builtin* find_test(std::string_view name) noexcept { return find(kTests, name); }

}  // namespace lanewise::chat
