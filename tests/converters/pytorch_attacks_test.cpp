// Files of torch.save() whose pickles want to run code.

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
                                {"builtins", "getattr"},
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
                                {"functools", "partial"},
                                {"operator", "attrgetter"},
                                {"copyreg", "_reconstructor"},
                                {"codecs", "decode"},
                                {"pty", "spawn"},
                                {"code", "interact"},
                                {"timeit", "timeit"},
                                {"numpy", "load"},
                                {"numpy.f2py.crackfortran", "getlincoef"},
                                {"__main__", "Model"},
                                {"collections", "OrderedDict.__init__.__globals__"},
                                {"collections.OrderedDict", "__new__"},
                                {"", ""},
                                {"os.system\r", "x"},
                                {"types", "CodeType"},
                                {"asyncio", "run"}};
  for (const Wanted& wanted : kWanted) {
    for (const std::string& arguments : {touch, python}) {
      const std::string name = std::string(wanted.module) + "." + wanted.name;
      const std::string part =
          wanted.module[0] == '\0' || name.find('\r') != std::string::npos
              ? "pickle wants to call '"
              : "pickle wants to call '" + name + "', which no state dict needs";
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

TEST_F(PytorchTest, SaysWhatOfTorchIsNotSupported) {
  expect_refused(pickle(global("torch._utils", "_rebuild_sparse_tensor")),
                 "'torch._utils._rebuild_sparse_tensor', which is not supported");
  expect_refused(pickle(global("torch", "QInt8Storage")), "'torch.QInt8Storage'");
  expect_refused(pickle(global("torch.storage", "_load_from_bytes")), "nothing was executed");
  expect_refused(pickle(global("torch", "load")), "nothing was executed");
  expect_refused(pickle(global("torch.hub", "load")), "nothing was executed");
  expect_refused(pickle(global("torch.nn.modules.linear", "Linear")), "save model.state_dict()");
  expect_refused(pickle(global("__main__", "Net")), "save model.state_dict()");
}

TEST_F(PytorchTest, RefusesOpcodesThatMakeObjects) {
  const std::string ordered = global("collections", "OrderedDict");
  const std::string none = "which no state dict needs; nothing was executed";
  for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::string>>{
           {"INST", "(" + text("touch") + "ios\nsystem\n"},
           {"OBJ", "(" + ordered + "o"},
           {"NEWOBJ", ordered + ")\x81"},
           {"NEWOBJ_EX", ordered + ")}\x92"},
           {"EXT1", "\x82\1"},
           {"EXT2", std::string("\x83\1\0", 3)},
           {"EXT4", std::string("\x84\1\0\0\0", 5)},
           {"PERSID", "P0\n"},
           {"NEXT_BUFFER", "\x97"},
           {"READONLY_BUFFER", "N\x98"},
           {"INT", "I1\n"},
           {"LONG", "L1L\n"},
           {"FLOAT", "F1.0\n"},
           {"STRING", "S'x'\n"},
           {"UNICODE", "Vx\n"},
           {"PUT", "Np0\n"},
           {"GET", "g0\n"}}) {
    expect_refused(pickle(bytes), "opcode " + name + " at byte ");
    expect_refused(with_tensor(bytes), none);
  }
}

TEST_F(PytorchTest, RefusesCallsOfOtherThings) {
  const std::string what = "pickle wants to call what is no function";
  expect_refused(pickle(call(four(), tuple({text("x")}))), what);  // REDUCE of a persistent id.
  expect_refused(pickle(call(text("os.system"), tuple({text("x")}))), what);
  expect_refused(pickle(call(tensor(four(), {4}), ")")), what);
  expect_refused(pickle(call(call(global("collections", "OrderedDict"), ")"), ")")), what);
  expect_refused(pickle(call(global("collections", "OrderedDict"), "]")), what);
  expect_refused(pickle("\x8c\2os" + integer(3) + "\x93", 4), "a name that is no text");
  expect_refused(pickle(")" + text("system") + "\x93", 4), "a name that is no text");
  expect_refused(pickle(call(global("torch", "FloatStorage"), ")")), "as a type");
  expect_refused(pickle(call(global("collections", "OrderedDict"), tuple({integer(1)}))), "pairs");
  expect_refused(pickle(call(global("collections", "OrderedDict"), tuple({"]Na"}))), "pairs");
  expect_refused(pickle(call(global("torch", "Size"), tuple({integer(1)}))), "a tuple of sizes");
  const std::string from_type = global("torch._tensor", "_rebuild_from_type_v2");
  expect_refused(pickle(call(from_type, tuple({from_type, "N", ")", "N"}))), "rebuilds a tensor");
  expect_refused(pickle(call(from_type, tuple({global("torch", "device"), "N", ")", "N"}))),
                 "rebuilds a tensor");
  expect_refused(pickle(call(global("torch._utils", "_rebuild_parameter"), tuple({"N"}))),
                 "a tensor");
}

TEST_F(PytorchTest, RefusesAttributesOfOtherThings) {
  const std::string part = "pickle sets attributes of what is no state dict";
  for (const std::string& state : {dict({{"data", integer(1)}}), tuple({text("x")}),
                                   std::string("N"), dict({{"__class__", text("x")}})}) {
    expect_refused(with_tensor(tensor(four(), {4}) + state + "b"), part);
    expect_refused(pickle("]" + state + "b"), part);
  }
  expect_refused(pickle("}Nb"), part);
  expect_refused(pickle(global("collections", "OrderedDict") + "}b"), part);
}

}  // namespace
}  // namespace lanewise::converters
