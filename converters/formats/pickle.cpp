#include "converters/formats/pickle.hpp"

#include <bit>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/pickle_calls.hpp"
#include "converters/formats/pickle_machine.hpp"

namespace lanewise::converters {
namespace {

// A state dict of 10,000 tensors with its optimizer takes some 500,000 objects; an object takes 72
// bytes and a stack entry 4.
constexpr size_t kMaxObjects = size_t{1} << 22;
/// Python's own writer stops at a thousand levels.
constexpr size_t kMaxMarks = 1000;
/// Real files have a few dozen.
constexpr size_t kMaxInertNames = 1000;

using enum PickleKind;

}  // namespace

// --- Reading the bytes ---

/// `bytes` of little-endian number.
Result<uint64_t> PickleMachine::read_number(size_t bytes) {
  if (bytes > in_.size() - at_) return truncated_pickle();
  uint64_t number = 0;
  for (size_t i = bytes; i-- > 0;) number = number << 8 | static_cast<uint64_t>(in_[at_ + i]);
  at_ += bytes;
  return number;
}

Result<std::string_view> PickleMachine::read_line() {
  const std::string_view rest(reinterpret_cast<const char*>(in_.data()) + at_, in_.size() - at_);
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) return truncated_pickle();
  at_ += end + 1;
  return rest.substr(0, end);
}

Status PickleMachine::read_argument(std::string_view form) {
  if (form.empty()) return {};
  if (form.starts_with("line")) {
    LW_ASSIGN_OR_RETURN(line_, read_line());
    if (form == "line") return {};
    LW_ASSIGN_OR_RETURN(text_, read_line());
    return {};
  }
  number_bytes_ = static_cast<size_t>(form.back() - '0');
  LW_ASSIGN_OR_RETURN(number_, read_number(number_bytes_));
  if (form.front() != '#') return {};
  if (number_ > in_.size() - at_) {
    return damaged_pickle("a string or number of " + std::to_string(number_) + " bytes where " +
                          std::to_string(in_.size() - at_) + " are left");
  }
  text_ = {reinterpret_cast<const char*>(in_.data()) + at_, static_cast<size_t>(number_)};
  at_ += static_cast<size_t>(number_);
  return {};
}

Result<Pickle> PickleMachine::run() && {
  while (!done_) LW_RETURN_IF_ERROR(step());
  pickle_.bytes = at_;
  return std::move(pickle_);
}

Status PickleMachine::protocol() {
  if (number_ >= 2 && number_ <= 5) return {};
  return unsupported("pickle of protocol " + std::to_string(number_) + ", expected 2 to 5");
}

Status PickleMachine::frame() {
  if (number_ <= in_.size() - at_) return {};
  return damaged_pickle("a frame of " + std::to_string(number_) + " bytes where " +
                        std::to_string(in_.size() - at_) + " are left");
}

// --- The stack ---

Status PickleMachine::push(PickleObject object) {
  if (pickle_.objects.size() == kMaxObjects)
    return resource_exhausted("pickle has too many objects");
  stack_.push_back(static_cast<PickleRef>(pickle_.objects.size()));
  pickle_.objects.push_back(std::move(object));
  return {};
}

/// Objects cannot be taken singly beyond the topmost mark.
Result<PickleRef> PickleMachine::take() {
  if (stack_.size() == (marks_.empty() ? 0 : marks_.back()))
    return damaged_pickle("its stack is empty");
  const PickleRef top = stack_.back();
  stack_.pop_back();
  return top;
}

Result<std::vector<PickleRef>> PickleMachine::take_to_mark() {
  if (marks_.empty()) return damaged_pickle("its stack has no mark");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleRef> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

Status PickleMachine::stop() {
  LW_ASSIGN_OR_RETURN(pickle_.root, take());
  if (!stack_.empty() || !marks_.empty())
    return damaged_pickle("its stack is not empty at the end");
  done_ = true;
  return {};
}

Status PickleMachine::mark() {
  if (marks_.size() == kMaxMarks) return resource_exhausted("pickle is nested too deeply");
  marks_.push_back(stack_.size());
  return {};
}

/// Also removes a mark on top of the stack.
Status PickleMachine::pop() {
  if (!marks_.empty() && marks_.back() == stack_.size()) {
    marks_.pop_back();
    return {};
  }
  return take().status();
}

Status PickleMachine::pop_mark() { return take_to_mark().status(); }

Status PickleMachine::duplicate() {
  LW_ASSIGN_OR_RETURN(const PickleRef top, take());
  stack_.insert(stack_.end(), 2, top);
  return {};
}

// --- Values ---

Status PickleMachine::signed_integer() {
  return push({kInt, std::bit_cast<int32_t>(static_cast<uint32_t>(number_))});
}

/// Two's complement, little-endian, of any length.
Status PickleMachine::long_integer() {
  if (text_.size() > sizeof(uint64_t)) return push({kLong, 0, text_});
  const bool negative = !text_.empty() && (static_cast<unsigned char>(text_.back()) & 0x80) != 0;
  uint64_t value = negative ? ~uint64_t{0} : 0;
  for (size_t i = text_.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(text_[i]);
  }
  return push({kInt, std::bit_cast<int64_t>(value)});
}

/// Decimal; protocols 0 and 1 write True as `01` and False as `00`.
Status PickleMachine::integer_line() {
  if (line_ == "01" || line_ == "00") return push({kBool, line_ == "01" ? 1 : 0});
  int64_t value = 0;
  const char* end = line_.data() + line_.size();
  const auto [rest, error] = std::from_chars(line_.data(), end, value);
  const bool whole = rest == end || (rest == end - 1 && *rest == 'L');
  if (error == std::errc() && whole) return push({kInt, value});
  if (error == std::errc::result_out_of_range) return push({kLong});
  return damaged_pickle("an invalid number");
}

/// A str in Python's notation. One with escapes cannot be the name of a tensor.
Status PickleMachine::quoted_line() {
  if (line_.size() < 2 || line_.front() != line_.back()) {
    return damaged_pickle("a string without quotes");
  }
  if (line_.find('\\') != std::string_view::npos) return push({kBytes, 0, line_});
  return push({kText, 0, line_.substr(1, line_.size() - 2)});
}

Status PickleMachine::escaped_line() {
  const bool escaped = line_.find('\\') != std::string_view::npos;
  return push({escaped ? kBytes : kText, 0, line_});
}

Status PickleMachine::tuple_of(size_t count) {
  std::vector<PickleRef> items(count);
  for (size_t i = count; i-- > 0;) {
    LW_ASSIGN_OR_RETURN(items[i], take());
  }
  return push({kTuple, 0, {}, std::move(items)});
}

Status PickleMachine::collect(PickleKind kind) {
  LW_ASSIGN_OR_RETURN(std::vector<PickleRef> items, take_to_mark());
  return push({kind, 0, {}, std::move(items)});
}

/// Adds items to the object on top of the stack, which stays there. An object of an unknown class
/// accepts anything, and keeps what could be the items of a dict.
Status PickleMachine::add(PickleKind kind, std::span<const PickleRef> items) {
  LW_ASSIGN_OR_RETURN(const PickleRef target, take());
  PickleObject& object = pickle_.objects[target];
  if (object.kind != kind && object.kind != kInert) {
    return damaged_pickle("items are added to something other than a list, dict or set");
  }
  if (kind == kDict && items.size() % 2 != 0) return damaged_pickle("a key without a value");
  if (object.kind == kind || kind == kDict) {
    object.items.insert(object.items.end(), items.begin(), items.end());
  }
  stack_.push_back(target);
  return {};
}

Status PickleMachine::extend(PickleKind kind) {
  LW_ASSIGN_OR_RETURN(const std::vector<PickleRef> items, take_to_mark());
  return add(kind, items);
}

Status PickleMachine::append() {
  LW_ASSIGN_OR_RETURN(const PickleRef item, take());
  return add(kList, {&item, 1});
}

Status PickleMachine::set_item() {
  PickleRef pair[2];
  LW_ASSIGN_OR_RETURN(pair[1], take());
  LW_ASSIGN_OR_RETURN(pair[0], take());
  return add(kDict, pair);
}

Status PickleMachine::dict() {
  LW_ASSIGN_OR_RETURN(const std::vector<PickleRef> items, take_to_mark());
  LW_RETURN_IF_ERROR(push({kDict}));
  return add(kDict, items);
}

Status PickleMachine::remember(uint64_t index) {
  LW_ASSIGN_OR_RETURN(const PickleRef top, take());
  stack_.push_back(top);
  if (index >= kMaxObjects) return resource_exhausted("pickle has too many memo entries");
  constexpr PickleRef kUnset = UINT32_MAX;
  if (index >= memo_.size()) memo_.resize(static_cast<size_t>(index) + 1, kUnset);
  memo_[static_cast<size_t>(index)] = top;
  return {};
}

Result<uint64_t> PickleMachine::line_number() const {
  uint64_t value = 0;
  const char* end = line_.data() + line_.size();
  const auto [rest, error] = std::from_chars(line_.data(), end, value);
  if (error == std::errc() && rest == end) return value;
  return damaged_pickle("a memo entry without a number");
}

Status PickleMachine::put_line() {
  LW_ASSIGN_OR_RETURN(const uint64_t index, line_number());
  return remember(index);
}

Status PickleMachine::get() { return get_entry(number_); }

Status PickleMachine::get_line() {
  LW_ASSIGN_OR_RETURN(const uint64_t index, line_number());
  return get_entry(index);
}

Status PickleMachine::get_entry(uint64_t index) {
  if (index >= memo_.size() || memo_[static_cast<size_t>(index)] >= pickle_.objects.size()) {
    return damaged_pickle("memo entry " + std::to_string(index) + " was never set");
  }
  stack_.push_back(memo_[static_cast<size_t>(index)]);
  return {};
}

// --- What would be code, in Python ---

Status PickleMachine::push_global(std::string_view module, std::string_view name) {
  const PickleGlobal* found = find_global(module, name);
  if (found != nullptr && found->role != GlobalRole::kIgnored) {
    return push({kGlobal, 0, {}, {}, found});
  }
  if (found != nullptr) return push({kInert});
  LW_RETURN_IF_ERROR(check_harmless(module, name));
  PickleObject inert{kInert};
  auto& names = pickle_.inert_names;
  const std::string full = full_name(module, name);
  const auto known = names.find(full);
  if (known != names.end()) {
    inert.text = *known;
  } else if (names.size() < kMaxInertNames) {
    inert.text = *names.insert(full).first;
  }
  return push(std::move(inert));
}

Status PickleMachine::global() { return push_global(line_, text_); }

Status PickleMachine::stack_global() {
  LW_ASSIGN_OR_RETURN(const PickleRef name, take());
  LW_ASSIGN_OR_RETURN(const PickleRef module, take());
  const PickleObject& name_text = pickle_.object(name);
  const PickleObject& module_text = pickle_.object(module);
  if (name_text.kind == kText && module_text.kind == kText) {
    return push_global(module_text.text, name_text.text);
  }
  return data_loss("pickle has a name that is not a string" + std::string(kNothingExecuted));
}

/// Pushes the result of calling `callee`; if only its class is known, an inert object.
Status PickleMachine::push_made(PickleRef callee, std::span<const PickleRef> arguments) {
  const PickleObject& maker = pickle_.object(callee);
  if (maker.kind == kInert) return push({kInert, 0, maker.text});
  if (maker.kind != kGlobal) {
    return data_loss("pickle calls something that is not a function" +
                     std::string(kNothingExecuted));
  }
  LW_ASSIGN_OR_RETURN(PickleObject made,
                      call_global(pickle_, *maker.global, arguments, max_elements_));
  return push(std::move(made));
}

Status PickleMachine::reduce() {
  LW_ASSIGN_OR_RETURN(const PickleRef arguments, take());
  LW_ASSIGN_OR_RETURN(const PickleRef callee, take());
  const PickleObject& tuple = pickle_.object(arguments);
  if (tuple.kind == kTuple) return push_made(callee, tuple.items);
  return data_loss("pickle calls a function without a tuple of arguments" +
                   std::string(kNothingExecuted));
}

/// A class, its positional and its keyword arguments.
Status PickleMachine::new_object_with_names() {
  LW_RETURN_IF_ERROR(take().status());
  return new_object();
}

/// Above a mark: a class, then its arguments.
Status PickleMachine::object_of_marked() {
  LW_ASSIGN_OR_RETURN(const std::vector<PickleRef> items, take_to_mark());
  if (items.empty()) return damaged_pickle("an object without a class");
  return push_made(items.front(), std::span(items).subspan(1));
}

/// Module and name of a class; above a mark, its arguments.
Status PickleMachine::instance() {
  LW_ASSIGN_OR_RETURN(const std::vector<PickleRef> items, take_to_mark());
  LW_RETURN_IF_ERROR(push_global(line_, text_));
  LW_ASSIGN_OR_RETURN(const PickleRef callee, take());
  return push_made(callee, items);
}

/// Attributes of a dict (`_metadata` of a state dict) are ignored. Those of inert objects are kept:
/// in a TorchScript archive they are parameters and submodules.
Status PickleMachine::build() {
  LW_ASSIGN_OR_RETURN(const PickleRef state, take());
  LW_ASSIGN_OR_RETURN(const PickleRef target, take());
  const PickleKind kind = pickle_.object(target).kind;
  if (kind == kInert && pickle_.object(state).kind == kDict) {
    pickle_.objects[target].number = int64_t{1} + state;
  }
  if (kind == kDict || kind == kInert) {
    stack_.push_back(target);
    return {};
  }
  return data_loss("pickle sets attributes of something other than a state dict" +
                   std::string(kNothingExecuted));
}

Status PickleMachine::persistent_id() {
  LW_ASSIGN_OR_RETURN(const PickleRef id, take());
  LW_ASSIGN_OR_RETURN(PickleObject storage, storage_of_id(pickle_, pickle_.object(id)));
  return push(std::move(storage));
}

Result<Pickle> read_pickle(std::span<const std::byte> bytes, int64_t max_elements) {
  return PickleMachine(bytes, max_elements).run();
}

}  // namespace lanewise::converters
