// The opcodes of protocols 0 to 5, from CPython's Lib/pickletools.py.

#include <array>
#include <string>

#include "base/status_macros.hpp"
#include "converters/formats/pickle_machine.hpp"

namespace lanewise::converters {
namespace {

/// A state dict of 10,000 tensors with its optimizer takes some 500,000 opcodes.
constexpr size_t kMaxOpcodes = size_t{1} << 24;

/// `argument` is what follows the opcode: "" nothing; "1" "2" "4" "8" a number of that many bytes;
/// "#1" "#4" "#8" such a number, then that many bytes; "line" one line, "lines" two.
struct Opcode {
  unsigned char code;
  std::string_view name;
  std::string_view argument;
  Status (PickleMachine::*run)();  ///< null if the opcode is rejected
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
    {0x81, "NEWOBJ", "", &PickleMachine::new_object},
    {0x92, "NEWOBJ_EX", "", &PickleMachine::new_object_with_names},
    {'o', "OBJ", "", &PickleMachine::object_of_marked},
    {'i', "INST", "lines", &PickleMachine::instance},
    // Protocol 0's variants of some of the above.
    {'I', "INT", "line", &PickleMachine::integer_line},
    {'L', "LONG", "line", &PickleMachine::integer_line},
    {'F', "FLOAT", "line", &PickleMachine::real},
    {'S', "STRING", "line", &PickleMachine::quoted_line},
    {'V', "UNICODE", "line", &PickleMachine::escaped_line},
    {'p', "PUT", "line", &PickleMachine::put_line},
    {'g', "GET", "line", &PickleMachine::get_line},
    // Listed for messages: opcodes whose meaning is defined outside the pickle.
    {0x82, "EXT1", "", nullptr},
    {0x83, "EXT2", "", nullptr},
    {0x84, "EXT4", "", nullptr},
    {'P', "PERSID", "", nullptr},
    {0x97, "NEXT_BUFFER", "", nullptr},
    {0x98, "READONLY_BUFFER", "", nullptr},
};

constexpr auto kOpcodeOfByte = [] {
  std::array<const Opcode*, 256> table{};
  for (const Opcode& opcode : kOpcodes) table[opcode.code] = &opcode;
  return table;
}();

}  // namespace

Status PickleMachine::step() {
  if (at_ == in_.size()) return truncated_pickle();
  if (++opcodes_ > kMaxOpcodes) return resource_exhausted("pickle has too many opcodes");
  const size_t place = at_;
  const Opcode* opcode = kOpcodeOfByte[static_cast<size_t>(in_[at_++])];
  if (opcode == nullptr) {
    return damaged_pickle("no opcode at byte " + std::to_string(place));
  }
  if (opcode->run == nullptr) {
    return data_loss("pickle has the opcode " + std::string(opcode->name) + " at byte " +
                     std::to_string(place) + ", which no state dict needs" +
                     std::string(kNothingExecuted));
  }
  LW_RETURN_IF_ERROR(read_argument(opcode->argument));
  return (this->*opcode->run)();
}

}  // namespace lanewise::converters
