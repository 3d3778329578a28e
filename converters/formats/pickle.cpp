#include "converters/formats/pickle.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "converters/formats/pickle_calls.hpp"
#include "ops/status_macros.hpp"
#include "runtime/file/messages.hpp"

namespace lanewise::converters {
namespace {

// A state dict of 10,000 tensors with its optimizer takes some 500,000 objects and opcodes; an
// object takes 64 bytes and a number on the stack 4.
constexpr size_t kMaxObjects = size_t{1} << 22;
constexpr size_t kMaxOpcodes = size_t{1} << 24;
/// Python itself stops at a thousand levels when it writes.
constexpr size_t kMaxMarks = 1000;

using enum PickleKind;

/// The stack machine. Each opcode is a function; kOpcodes says which.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, int64_t max_elements)
      : in_(bytes), max_elements_(max_elements) {}

  Result<Pickle> run() &&;

  // Opcodes, in the order of kOpcodes. `argument_` is what follows in the pickle: a number, or the
  // bytes that the opcode counts.
  Status protocol();
  Status frame();
  Status nothing() { return {}; }
  Status stop();
  Status mark();
  Status pop();
  Status pop_mark();
  Status duplicate();
  Status none() { return push({kNone}); }
  Status new_true() { return push({kBool, 1}); }
  Status new_false() { return push({kBool, 0}); }
  Status unsigned_integer() { return push({kInt, static_cast<int64_t>(number_)}); }
  Status signed_integer();
  Status long_integer();
  Status real() { return push({kFloat}); }
  Status text() { return push({kText, 0, text_}); }
  Status bytes() { return push({kBytes, 0, text_}); }
  Status empty_tuple() { return push({kTuple}); }
  Status tuple1() { return tuple_of(1); }
  Status tuple2() { return tuple_of(2); }
  Status tuple3() { return tuple_of(3); }
  Status tuple() { return collect(kTuple); }
  Status empty_list() { return push({kList}); }
  Status list() { return collect(kList); }
  Status append();
  Status appends() { return extend(kList); }
  Status empty_dict() { return push({kDict}); }
  Status dict();
  Status set_item();
  Status set_items() { return extend(kDict); }
  Status empty_set() { return push({kSet}); }
  Status frozen_set() { return collect(kSet); }
  Status add_items() { return extend(kSet); }
  Status put() { return remember(number_); }
  Status memoize() { return remember(memo_.size()); }
  Status get();
  Status global();
  Status stack_global();
  Status reduce();
  Status build();
  Status persistent_id();

 private:
  Status step();
  Status read_argument(std::string_view form);
  Result<uint64_t> read_number(size_t bytes);
  Result<std::string_view> read_line();

  Status push(PickleObject object);
  Status push_global(std::string_view module, std::string_view name);
  Status remember(uint64_t index);
  Result<PickleRef> take();
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
  std::vector<size_t> marks_;  // Where on the stack.
  std::vector<PickleRef> memo_;
  size_t opcodes_ = 0;
};

/// `argument` says what follows: "" nothing; "1" "2" "4" "8" a number of so many bytes; "#1" "#4"
/// "#8" such a number, then as many bytes as it says; "lines" two lines.
struct Opcode {
  unsigned char code;
  std::string_view name;
  std::string_view argument;
  Status (PickleMachine::*run)();  ///< null for what is refused
};

constexpr Opcode kOpcodes[] = {
    {0x80, "PROTO", "1", &PickleMachine::protocol},
    {0x95, "FRAME", "8", &PickleMachine::frame},
    {'.', "STOP", "", &PickleMachine::stop},
    {'(', "MARK", "", &PickleMachine::mark},
    {'0', "POP", "", &PickleMachine::pop},
    {'1', "POP_MARK", "", &PickleMachine::pop_mark},
    {'2', "DUP", "", &PickleMachine::duplicate},
    {'N', "NONE", "", &PickleMachine::none},
    {0x88, "NEWTRUE", "", &PickleMachine::new_true},
    {0x89, "NEWFALSE", "", &PickleMachine::new_false},
    {'K', "BININT1", "1", &PickleMachine::unsigned_integer},
    {'M', "BININT2", "2", &PickleMachine::unsigned_integer},
    {'J', "BININT", "4", &PickleMachine::signed_integer},
    {0x8a, "LONG1", "#1", &PickleMachine::long_integer},
    {0x8b, "LONG4", "#4", &PickleMachine::long_integer},
    {'G', "BINFLOAT", "8", &PickleMachine::real},
    {0x8c, "SHORT_BINUNICODE", "#1", &PickleMachine::text},
    {'X', "BINUNICODE", "#4", &PickleMachine::text},
    {0x8d, "BINUNICODE8", "#8", &PickleMachine::text},
    {'U', "SHORT_BINSTRING", "#1", &PickleMachine::text},  // Python 2's str.
    {'T', "BINSTRING", "#4", &PickleMachine::text},
    {'C', "SHORT_BINBYTES", "#1", &PickleMachine::bytes},
    {'B', "BINBYTES", "#4", &PickleMachine::bytes},
    {0x8e, "BINBYTES8", "#8", &PickleMachine::bytes},
    {0x96, "BYTEARRAY8", "#8", &PickleMachine::bytes},
    {')', "EMPTY_TUPLE", "", &PickleMachine::empty_tuple},
    {0x85, "TUPLE1", "", &PickleMachine::tuple1},
    {0x86, "TUPLE2", "", &PickleMachine::tuple2},
    {0x87, "TUPLE3", "", &PickleMachine::tuple3},
    {'t', "TUPLE", "", &PickleMachine::tuple},
    {']', "EMPTY_LIST", "", &PickleMachine::empty_list},
    {'l', "LIST", "", &PickleMachine::list},
    {'a', "APPEND", "", &PickleMachine::append},
    {'e', "APPENDS", "", &PickleMachine::appends},
    {'}', "EMPTY_DICT", "", &PickleMachine::empty_dict},
    {'d', "DICT", "", &PickleMachine::dict},
    {'s', "SETITEM", "", &PickleMachine::set_item},
    {'u', "SETITEMS", "", &PickleMachine::set_items},
    {0x8f, "EMPTY_SET", "", &PickleMachine::empty_set},
    {0x91, "FROZENSET", "", &PickleMachine::frozen_set},
    {0x90, "ADDITEMS", "", &PickleMachine::add_items},
    {'q', "BINPUT", "1", &PickleMachine::put},
    {'r', "LONG_BINPUT", "4", &PickleMachine::put},
    {0x94, "MEMOIZE", "", &PickleMachine::memoize},
    {'h', "BINGET", "1", &PickleMachine::get},
    {'j', "LONG_BINGET", "4", &PickleMachine::get},
    {'c', "GLOBAL", "lines", &PickleMachine::global},
    {0x93, "STACK_GLOBAL", "", &PickleMachine::stack_global},
    {'R', "REDUCE", "", &PickleMachine::reduce},
    {'b', "BUILD", "", &PickleMachine::build},
    {'Q', "BINPERSID", "", &PickleMachine::persistent_id},
    // Named in messages. Those that make objects of any class, or look elsewhere for them:
    {'i', "INST", "", nullptr},
    {'o', "OBJ", "", nullptr},
    {0x81, "NEWOBJ", "", nullptr},
    {0x92, "NEWOBJ_EX", "", nullptr},
    {0x82, "EXT1", "", nullptr},
    {0x83, "EXT2", "", nullptr},
    {0x84, "EXT4", "", nullptr},
    {'P', "PERSID", "", nullptr},
    {0x97, "NEXT_BUFFER", "", nullptr},
    {0x98, "READONLY_BUFFER", "", nullptr},
    // Those that protocols 2 to 5 have better ones for:
    {'I', "INT", "", nullptr},
    {'L', "LONG", "", nullptr},
    {'F', "FLOAT", "", nullptr},
    {'S', "STRING", "", nullptr},
    {'V', "UNICODE", "", nullptr},
    {'p', "PUT", "", nullptr},
    {'g', "GET", "", nullptr},
};

constexpr auto kOpcodeOfByte = [] {
  std::array<const Opcode*, 256> table{};
  for (const Opcode& opcode : kOpcodes) table[opcode.code] = &opcode;
  return table;
}();

Status damaged(const std::string& what) { return data_loss("damaged pickle: " + what); }

Status truncated() { return damaged("it ends before its STOP"); }

// --- Reading the bytes ---

/// `bytes` of little-endian number.
Result<uint64_t> PickleMachine::read_number(size_t bytes) {
  if (bytes > in_.size() - at_) return truncated();
  uint64_t number = 0;
  for (size_t i = bytes; i-- > 0;) number = number << 8 | static_cast<uint64_t>(in_[at_ + i]);
  at_ += bytes;
  return number;
}

Result<std::string_view> PickleMachine::read_line() {
  const std::string_view rest(reinterpret_cast<const char*>(in_.data()) + at_, in_.size() - at_);
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) return truncated();
  at_ += end + 1;
  return rest.substr(0, end);
}

Status PickleMachine::read_argument(std::string_view form) {
  if (form.empty()) return {};
  if (form == "lines") {
    LW_ASSIGN_OR_RETURN(line_, read_line());
    LW_ASSIGN_OR_RETURN(text_, read_line());
    return {};
  }
  number_bytes_ = static_cast<size_t>(form.back() - '0');
  LW_ASSIGN_OR_RETURN(number_, read_number(number_bytes_));
  if (form.front() != '#') return {};
  if (number_ > in_.size() - at_) {
    return damaged("a text or number of " + std::to_string(number_) + " bytes where " +
                   std::to_string(in_.size() - at_) + " are left");
  }
  text_ = {reinterpret_cast<const char*>(in_.data()) + at_, static_cast<size_t>(number_)};
  at_ += static_cast<size_t>(number_);
  return {};
}

Status PickleMachine::step() {
  if (at_ == in_.size()) return truncated();
  if (++opcodes_ > kMaxOpcodes) return resource_exhausted("pickle of too many opcodes");
  const size_t place = at_;
  const Opcode* opcode = kOpcodeOfByte[static_cast<size_t>(in_[at_++])];
  if (opcode == nullptr) {
    return damaged("no opcode at byte " + std::to_string(place));
  }
  if (opcode->run == nullptr) {
    return data_loss("pickle has the opcode " + std::string(opcode->name) + " at byte " +
                     std::to_string(place) + ", which no state dict needs" +
                     std::string(kNothingExecuted));
  }
  LW_RETURN_IF_ERROR(read_argument(opcode->argument));
  return (this->*opcode->run)();
}

Result<Pickle> PickleMachine::run() && {
  if (in_.size() < 2 || in_[0] != std::byte{0x80}) {
    return data_loss("expected a pickle of protocol 2 to 5");
  }
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
  return damaged("a frame of " + std::to_string(number_) + " bytes where " +
                 std::to_string(in_.size() - at_) + " are left");
}

// --- The stack ---

Status PickleMachine::push(PickleObject object) {
  if (pickle_.objects.size() == kMaxObjects)
    return resource_exhausted("pickle of too many objects");
  stack_.push_back(static_cast<PickleRef>(pickle_.objects.size()));
  pickle_.objects.push_back(std::move(object));
  return {};
}

/// What stands above the topmost mark is not to be had one by one.
Result<PickleRef> PickleMachine::take() {
  if (stack_.size() == (marks_.empty() ? 0 : marks_.back())) return damaged("its stack is empty");
  const PickleRef top = stack_.back();
  stack_.pop_back();
  return top;
}

Result<std::vector<PickleRef>> PickleMachine::take_to_mark() {
  if (marks_.empty()) return damaged("its stack has no mark");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleRef> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

Status PickleMachine::stop() {
  LW_ASSIGN_OR_RETURN(pickle_.root, take());
  if (!stack_.empty() || !marks_.empty()) return damaged("its stack is not empty at the end");
  done_ = true;
  return {};
}

Status PickleMachine::mark() {
  if (marks_.size() == kMaxMarks) return resource_exhausted("pickle is nested too deeply");
  marks_.push_back(stack_.size());
  return {};
}

/// Also removes a mark that is on top.
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

/// To the object on top of the stack, which stays there.
Status PickleMachine::add(PickleKind kind, std::span<const PickleRef> items) {
  LW_ASSIGN_OR_RETURN(const PickleRef target, take());
  PickleObject& object = pickle_.objects[target];
  if (object.kind != kind) return damaged("items are added to what is no list, dict or set");
  if (kind == kDict && items.size() % 2 != 0) return damaged("a key without a value");
  object.items.insert(object.items.end(), items.begin(), items.end());
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
  if (index >= kMaxObjects) return resource_exhausted("pickle of too many memo entries");
  constexpr PickleRef kUnset = UINT32_MAX;
  if (index >= memo_.size()) memo_.resize(static_cast<size_t>(index) + 1, kUnset);
  memo_[static_cast<size_t>(index)] = top;
  return {};
}

Status PickleMachine::get() {
  if (number_ >= memo_.size() || memo_[static_cast<size_t>(number_)] >= pickle_.objects.size()) {
    return damaged("memo entry " + std::to_string(number_) + " was never set");
  }
  stack_.push_back(memo_[static_cast<size_t>(number_)]);
  return {};
}

// --- What would be code, in Python ---

Status PickleMachine::push_global(std::string_view module, std::string_view name) {
  const PickleGlobal* found = find_global(module, name);
  if (found == nullptr) return refused_global(module, name);
  return push({kGlobal, 0, {}, {}, found});
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
  return data_loss("pickle looks for a name that is no text" + std::string(kNothingExecuted));
}

Status PickleMachine::reduce() {
  LW_ASSIGN_OR_RETURN(const PickleRef arguments, take());
  LW_ASSIGN_OR_RETURN(const PickleRef function, take());
  const PickleObject& callee = pickle_.object(function);
  if (callee.kind != kGlobal || pickle_.object(arguments).kind != kTuple) {
    return data_loss("pickle wants to call what is no function, or without arguments" +
                     std::string(kNothingExecuted));
  }
  LW_ASSIGN_OR_RETURN(
      PickleObject made,
      call_global(pickle_, *callee.global, pickle_.object(arguments).items, max_elements_));
  return push(std::move(made));
}

/// Attributes of a state dict (`_metadata`) and of what we ignore are ignored.
Status PickleMachine::build() {
  LW_ASSIGN_OR_RETURN(const PickleRef state, take());
  LW_ASSIGN_OR_RETURN(const PickleRef target, take());
  const PickleKind kind = pickle_.object(target).kind;
  if ((kind == kDict && pickle_.object(state).kind == kDict) || kind == kInert) {
    stack_.push_back(target);
    return {};
  }
  return data_loss("pickle sets attributes of what is no state dict" +
                   std::string(kNothingExecuted));
}

Status PickleMachine::persistent_id() {
  LW_ASSIGN_OR_RETURN(const PickleRef id, take());
  LW_ASSIGN_OR_RETURN(PickleObject storage, storage_of_id(pickle_, pickle_.object(id)));
  return push(std::move(storage));
}

}  // namespace

Result<Pickle> read_pickle(std::span<const std::byte> bytes, int64_t max_elements) {
  return PickleMachine(bytes, max_elements).run();
}

}  // namespace lanewise::converters
