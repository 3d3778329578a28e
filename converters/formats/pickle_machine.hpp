#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/formats/pickle.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

inline Status damaged_pickle(const std::string& what) {
  return data_loss("damaged pickle: " + what);
}

inline Status truncated_pickle() { return damaged_pickle("it ends before its STOP"); }

/// The stack machine. Each opcode is a function; pickle_opcodes.cpp has the table.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, int64_t max_elements)
      : in_(bytes), max_elements_(max_elements) {}

  Result<Pickle> run() &&;

  // Opcodes, in the order of their table. Their arguments are in `number_`, `text_` and `line_`.
  Status protocol();
  Status frame();
  Status nothing() { return {}; }
  Status stop();
  Status mark();
  Status pop();
  Status pop_mark();
  Status duplicate();
  Status none() { return push({PickleKind::kNone}); }
  Status new_true() { return push({PickleKind::kBool, 1}); }
  Status new_false() { return push({PickleKind::kBool, 0}); }
  Status unsigned_integer() { return push({PickleKind::kInt, static_cast<int64_t>(number_)}); }
  Status signed_integer();
  Status long_integer();
  Status integer_line();
  Status real() { return push({PickleKind::kFloat}); }
  Status text() { return push({PickleKind::kText, 0, text_}); }
  Status quoted_line();
  Status escaped_line();
  Status bytes() { return push({PickleKind::kBytes, 0, text_}); }
  Status empty_tuple() { return push({PickleKind::kTuple}); }
  Status tuple1() { return tuple_of(1); }
  Status tuple2() { return tuple_of(2); }
  Status tuple3() { return tuple_of(3); }
  Status tuple() { return collect(PickleKind::kTuple); }
  Status empty_list() { return push({PickleKind::kList}); }
  Status list() { return collect(PickleKind::kList); }
  Status append();
  Status appends() { return extend(PickleKind::kList); }
  Status empty_dict() { return push({PickleKind::kDict}); }
  Status dict();
  Status set_item();
  Status set_items() { return extend(PickleKind::kDict); }
  Status empty_set() { return push({PickleKind::kSet}); }
  Status frozen_set() { return collect(PickleKind::kSet); }
  Status add_items() { return extend(PickleKind::kSet); }
  Status put() { return remember(number_); }
  Status put_line();
  Status memoize() { return remember(memo_.size()); }
  Status get();
  Status get_line();
  Status global();
  Status stack_global();
  Status reduce();
  Status new_object() { return reduce(); }
  Status new_object_with_names();
  Status object_of_marked();
  Status instance();
  Status build();
  Status persistent_id();

 private:
  Status step();
  Status read_argument(std::string_view form);
  Result<uint64_t> read_number(size_t bytes);
  Result<std::string_view> read_line();

  Status push(PickleObject object);
  Status push_global(std::string_view module, std::string_view name);
  Status push_made(PickleRef callee, std::span<const PickleRef> arguments);
  Status remember(uint64_t index);
  Result<PickleRef> take();
  Result<uint64_t> line_number() const;
  Status get_entry(uint64_t index);
  Result<std::vector<PickleRef>> take_to_mark();
  Status tuple_of(size_t count);
  Status collect(PickleKind kind);
  Status extend(PickleKind kind);
  Status add(PickleKind kind, std::span<const PickleRef> items);

  std::span<const std::byte> in_;
  size_t at_ = 0;
  int64_t max_elements_;
  uint64_t number_ = 0;
  size_t number_bytes_ = 0;
  std::string_view text_;
  std::string_view line_;
  bool done_ = false;
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<size_t> marks_;  // positions on the stack
  std::vector<PickleRef> memo_;
  size_t opcodes_ = 0;
};

}  // namespace lanewise::converters
