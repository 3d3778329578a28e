// Files of torch.save() whose pickles try to run code.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/converters/pytorch_file.hpp"

namespace lanewise::converters {
namespace {

using namespace pickled;

TEST_F(PytorchTest, ExecutesNothing) {
  const std::string touch = tuple({text("touch " + marker())});
  const std::string python = tuple({text("open('" + marker() + "', 'w')")});
  struct Wanted {
    const char* module;
    const char* name;
  };
  constexpr Wanted kWanted[] = {{"os", "system"},
                                {"posix", "system"},
                                {"nt", "system"},
                                {"os", "popen"},
                                {"os", "execv"},
                                {"os", "remove"},
                                {"subprocess", "Popen"},
                                {"subprocess", "call"},
                                {"subprocess", "check_output"},
                                {"builtins", "eval"},
                                {"builtins", "exec"},
                                {"__builtin__", "eval"},
                                {"builtins", "__import__"},
                                {"builtins", "open"},
                                {"builtins", "compile"},
                                {"importlib", "import_module"},
                                {"runpy", "run_path"},
                                {"pickle", "loads"},
                                {"_pickle", "loads"},
                                {"io", "open"},
                                {"shutil", "rmtree"},
                                {"socket", "create_connection"},
                                {"webbrowser", "open"},
                                {"pty", "spawn"},
                                {"code", "interact"},
                                {"timeit", "timeit"},
                                {"numpy", "load"},
                                {"numpy.f2py.crackfortran", "getlincoef"},
                                {"os.system\r", "x"},
                                {"types", "CodeType"},
                                {"asyncio", "run"}};
  for (const Wanted& wanted : kWanted) {
    for (const std::string& arguments : {touch, python}) {
      const std::string name = std::string(wanted.module) + "." + wanted.name;
      const std::string part = wanted.module[0] == '\0' || name.find('\r') != std::string::npos
                                   ? "pickle calls '"
                                   : "pickle calls '" + name + "', which no state dict needs";
      const std::string attack = call(global(wanted.module, wanted.name), arguments);
      expect_refused(pickle(attack), part);
      expect_refused(with_tensor(attack), part);  // Nested in a state dict.
      const std::string computed =
          text(wanted.module) + text(wanted.name) + "\x93" + arguments + "R";
      expect_refused(pickle(dict({{"w", tensor(four(), {4})}, {"x", computed}}), 4), part);
    }
  }
  expect_refused(pickle(call(global("os", "system"), touch)), "; nothing was executed");
}

TEST_F(PytorchTest, RefusesOpcodesThatLookElsewhere) {
  for (const auto& [name, bytes] :
       std::vector<std::pair<std::string, std::string>>{{"EXT1", "\x82\1"},
                                                        {"EXT2", std::string("\x83\1\0", 3)},
                                                        {"EXT4", std::string("\x84\1\0\0\0", 5)},
                                                        {"PERSID", "P0\n"},
                                                        {"NEXT_BUFFER", "\x97"},
                                                        {"READONLY_BUFFER", "N\x98"}}) {
    expect_refused(pickle(bytes), "opcode " + name + " at byte ");
    expect_refused(with_tensor(bytes), "which no state dict needs; nothing was executed");
  }
}

TEST_F(PytorchTest, RefusesCallsOfOtherThings) {
  const std::string what = "pickle calls something that is not a function";
  expect_refused(pickle(call(four(), tuple({text("x")}))), what);  // REDUCE of a persistent id.
  expect_refused(pickle(call(text("os.system"), tuple({text("x")}))), what);
  expect_refused(pickle(call(tensor(four(), {4}), ")")), what);
  expect_refused(pickle(call(call(global("collections", "OrderedDict"), ")"), ")")), what);
  expect_refused(pickle(call(global("collections", "OrderedDict"), "]")),
                 "without a tuple of arguments");
  expect_refused(pickle("\x8c\2os" + integer(3) + "\x93", 4), "a name that is not a string");
  expect_refused(pickle(")" + text("system") + "\x93", 4), "a name that is not a string");
  expect_refused(pickle(call(global("torch", "FloatStorage"), ")")), "as a type");
  expect_refused(pickle(call(global("collections", "OrderedDict"), tuple({integer(1)}))), "pairs");
  expect_refused(pickle(call(global("collections", "OrderedDict"), tuple({"]Na"}))), "pairs");
  expect_refused(pickle(call(global("torch", "Size"), tuple({integer(1)}))), "a tuple of sizes");
  const std::string from_type = global("torch._tensor", "_rebuild_from_type_v2");
  expect_refused(pickle(call(from_type, tuple({from_type, "N", ")", "N"}))), "rebuilds a tensor");
  expect_refused(pickle(call(from_type, tuple({global("torch", "Size"), "N", ")", "N"}))),
                 "rebuilds a tensor");
  expect_refused(pickle(call(global("torch._utils", "_rebuild_parameter"), tuple({"N"}))),
                 "a tensor");
}

TEST_F(PytorchTest, RefusesAttributesOfOtherThings) {
  const std::string part = "pickle sets attributes of something other than a state dict";
  for (const std::string& state : {dict({{"data", integer(1)}}), tuple({text("x")}),
                                   std::string("N"), dict({{"__class__", text("x")}})}) {
    expect_refused(with_tensor(tensor(four(), {4}) + state + "b"), part);
    expect_refused(pickle("]" + state + "b"), part);
  }
  expect_refused(pickle(global("collections", "OrderedDict") + "}b"), part);
}

}  // namespace
}  // namespace lanewise::converters
