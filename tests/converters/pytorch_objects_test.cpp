// Objects of arbitrary classes beside the weights, made by every opcode that can: they do nothing.
// stored_files_test.cpp has files with such objects that PyTorch wrote.

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tests/converters/pytorch_file.hpp"

namespace lanewise::converters {
namespace {

using namespace pickled;

class PytorchObjectsTest : public PytorchTest {
 protected:
  /// Both forms of a checkpoint with a weight and `value`, which must open and change nothing.
  void expect_inert(const std::string& value, const std::string& name, char protocol = 2) {
    SCOPED_TRACE(name);
    const std::string bytes =
        pickle(dict({{"before", value}, {"w", tensor(four(), {4})}, {"x", value}}), protocol);
    for (const std::string& file :
         {torch_zip(bytes, {{"0", kFour}}), torch_legacy(bytes, {{"0", kFour}}, {4})}) {
      const auto checkpoint = opened(file);
      ASSERT_NE(checkpoint, nullptr);
      EXPECT_FALSE(std::filesystem::exists(marker()));
      ASSERT_EQ(checkpoint->tensors().size(), 1U);
      Scratch scratch;
      const auto read = checkpoint->read(checkpoint->tensors()[0], scratch);
      ASSERT_TRUE(read.ok());
      EXPECT_EQ(std::memcmp(read->data, kFour.data(), kFour.size()), 0);
      if (name.empty()) {
        EXPECT_TRUE(checkpoint->notes().empty());
      } else {
        ASSERT_EQ(checkpoint->notes().size(), 1U);
        EXPECT_TRUE(has(checkpoint->notes()[0], "'" + name + "'"));
      }
    }
  }

  std::string names_of(const std::string& value, char protocol = 2) {
    const auto checkpoint = opened(torch_zip(pickle(value, protocol), {{"0", kFour}}));
    std::string names;
    if (checkpoint == nullptr) return names;
    for (const auto& tensor : checkpoint->tensors()) names += tensor.name + " ";
    return names;
  }
};

TEST_F(PytorchObjectsTest, AreMadeByNoOpcode) {
  const std::string touch = tuple({text("touch " + marker())});
  const std::string cls = global("a.b", "C");
  for (const std::string& value :
       {cls, call(cls, touch), cls + touch + "\x81", cls + touch + "}\x92", "(" + cls + touch + "o",
        "(" + text("x") + "ia.b\nC\n", call(cls, ")") + dict({{"data", integer(1)}}) + "b",
        call(cls, ")") + tuple({"N", dict({{"w", integer(1)}})}) + "b", call(cls, ")") + "Nb",
        call(cls, ")") + "(" + text("k") + integer(1) + "u",
        call(cls, ")") + text("k") + integer(1) + "s",
        call(cls, ")") + "(" + integer(1) + integer(2) + "e", call(cls, ")") + integer(1) + "a",
        call(call(cls, touch), touch),  // calls the result of a call
        call(cls, tuple({tensor(four(), {4}), four()}))}) {
    expect_inert(value, "a.b.C");
  }
  expect_inert(text("a.b") + text("C") + "\x93" + touch + "R", "a.b.C", 4);
  expect_inert("\x8f(" + integer(1) + "\x90", "", 4);
  expect_inert("(" + integer(1) + "\x91", "", 4);
  expect_inert(std::string("\x96\3\0\0\0\0\0\0\0abc", 12), "", 5);
}

TEST_F(PytorchObjectsTest, WhatCouldBeUsedToReachOthersIsInertToo) {
  const std::string touch = tuple({text("touch " + marker())});
  for (const auto& [module, name] : std::vector<std::pair<std::string, std::string>>{
           {"builtins", "getattr"},
           {"__builtin__", "getattr"},
           {"functools", "partial"},
           {"operator", "attrgetter"},
           {"codecs", "decode"},
           {"__main__", "Model"},
           {"collections", "OrderedDict.__init__.__globals__"},
           {"collections.OrderedDict", "__new__"},
           {"torch.storage", "_load_from_bytes"},
           {"torch._utils", "_rebuild_anything"},
           {"torch.serialization", "_get_layout"},
           {"", ""}}) {
    expect_inert(call(global(module, name), touch), module + "." + name);
  }
}

TEST_F(PytorchObjectsTest, ProtocolZeroHasLines) {
  for (const char* value :
       {"I1\n", "I01\n", "I-5\n", "L1L\n", "L123456789012345678901234567890L\n", "F1.5\n", "Fnan\n",
        "S'x'\n", "S'\\x41'\n", "Vx\n", "V\\u0041\n", "Np9\n0g9\n", "(I1\nI2\nl", "(S'a'\nI1\nd"}) {
    expect_inert(value, "");
  }
  expect_refused(with_tensor("I1x\n"), "damaged pickle");
  expect_refused(with_tensor("Sx\n"), "damaged pickle: a string without quotes");
  expect_refused(with_tensor("g77\n"), "memo entry 77 was never set");
  expect_refused(with_tensor("gx\n"), "a memo entry without a number");
  expect_refused(with_tensor("I1"), "damaged pickle");
  expect_refused(with_tensor("(o"), "an object without a class");
}

TEST_F(PytorchObjectsTest, PickleOfProtocol1HasNoHeader) {
  const std::string whole = with_tensor(tensor(four(), {4}));
  EXPECT_EQ(whole.substr(0, 2), "\x80\2");
  const auto checkpoint = opened(torch_zip(whole.substr(2), {{"0", kFour}}));
  ASSERT_NE(checkpoint, nullptr);
  EXPECT_EQ(checkpoint->tensors().size(), 1U);
}

TEST_F(PytorchObjectsTest, NeverBecomeTensors) {
  const std::string object = call(global("a.b", "C"), ")");
  expect_refused(with_tensor(call(kRebuild, tuple({object, integer(0), tuple({4}), tuple({1})}))),
                 "with something other than a storage");
  expect_refused(
      with_tensor(tuple({text("storage"), global("a.b", "C"), text("0"), text("cpu"), integer(4)}) +
                  "Q"),
      "persistent id is not");
  expect_refused(pickle(dict({{"w", object}})), "an object of class 'a.b.C' and no state dict");
  expect_refused(pickle(object), "an object of class 'a.b.C' and no state dict");
  expect_refused(with_tensor(tensor(four(), {4}) + object + "b"), "sets attributes");
}

TEST_F(PytorchObjectsTest, ManyNamesAreCounted) {
  std::string values = "](";
  for (int i = 0; i < 3000; ++i) values += global("m", "C" + std::to_string(i));
  const auto checkpoint = opened(
      torch_zip(pickle(dict({{"w", tensor(four(), {4})}, {"x", values + "e"}})), {{"0", kFour}}));
  ASSERT_NE(checkpoint, nullptr);
  EXPECT_TRUE(has(checkpoint->notes()[0], "'m.C0'", " and 950 more"));
  EXPECT_LT(checkpoint->notes()[0].size(), 2000U);
}

TEST_F(PytorchObjectsTest, ModifiedViewsAreNotRead) {
  const std::string negated = call(kRebuild, tuple({four(), integer(0), tuple({1}), tuple({1}),
                                                    "\x89", "N", dict({{"neg", "\x88"}})}));
  const auto checkpoint = opened(torch_zip(with_tensor(negated), {{"0", kFour}}));
  ASSERT_NE(checkpoint, nullptr);
  Scratch scratch;
  const auto read = checkpoint->read(checkpoint->tensors()[0], scratch);
  EXPECT_TRUE(
      has(read.status().message(), "'w' has elements of type 'negated or conjugated view'"));
}

// --- The location of the weights ---

TEST_F(PytorchObjectsTest, RootsAndLevels) {
  const std::string weights = dict({{"w", tensor(four(), {4})}});
  const std::string other = dict({{"v", tensor(four(), {4})}});
  const std::string object = call(global("a.b", "C"), ")");
  EXPECT_EQ(names_of(dict({{"checkpoint", dict({{"model", weights}})}})), "w ");
  EXPECT_EQ(names_of(dict({{"a", dict({{"b", dict({{"c", weights}})}})}})), "w ");
  EXPECT_EQ(names_of(tuple({weights, integer(3)})), "w ");
  EXPECT_EQ(names_of(tuple({integer(3), object, dict({{"state_dict", weights}})})), "w ");
  EXPECT_EQ(names_of("](" + weights + "Ne"), "w ");
  EXPECT_EQ(names_of("](" + tuple({text("w"), tensor(four(), {4})}) + "e"), "w ");
  // Names take precedence over levels.
  EXPECT_EQ(names_of(dict({{"stats", other}, {"checkpoint", dict({{"model", weights}})}})), "w ");
  EXPECT_EQ(names_of(dict({{"net", other}, {"x", dict({{"model", weights}})}})), "v ");
  EXPECT_EQ(names_of(dict({{"x", other}, {"y", dict({{"z", weights}})}})), "v ");
  EXPECT_EQ(names_of(dict({{"model", other}, {"state_dict", weights}})), "w ");
  // One dict reached on two paths counts once.
  EXPECT_EQ(names_of(dict({{"a", weights + "q\1"}, {"b", "h\1"}})), "w ");
  EXPECT_EQ(names_of(call(global("a.b", "Dict"), ")") + "(" + text("model") + weights + "u"), "w ");
  expect_refused(pickle(tuple({weights, other})), "several state dicts, save one: '0', '1'");
  expect_refused(pickle(dict({{"a", dict({{"model", weights}})}, {"b", dict({{"model", other}})}})),
                 "several state dicts, save one: 'a.model', 'b.model'");
  // A list that contains itself, and one nested beyond the search depth.
  expect_refused(pickle("]q\1(h\1h\1e"), "expected a state dict");
  std::string deep = weights;
  for (int i = 0; i < 100; ++i) deep = tuple({deep});
  expect_refused(pickle(deep), "expected a state dict");
}

TEST_F(PytorchObjectsTest, AveragesComeLastUnlessTheyAreMeant) {
  const std::string weights = dict({{"w", tensor(four(), {4})}});
  const std::string average = dict({{"v", tensor(four(), {4})}});
  const auto ema_names = [&](const std::string& root) {
    put("model.pt", torch_zip(pickle(root), {{"0", kFour}}));
    const auto opened = open_checkpoint_file(path("model.pt"), {.ema = true});
    return opened.ok() ? (*opened)->tensors().front().name : opened.status().message();
  };
  for (const char* name : {"ema", "model_ema", "ema_state_dict", "state_dict_ema"}) {
    for (const char* plain : {"model", "x"}) {
      const std::string both = dict({{name, average}, {plain, weights}});
      EXPECT_EQ(names_of(both), "w ") << name;
      EXPECT_EQ(ema_names(both), "ema.v") << name;
    }
    EXPECT_EQ(names_of(dict({{name, average}})), "v ");
    const std::string below = dict({{"model", weights}, {name, dict({{"module", average}})}});
    EXPECT_EQ(names_of(below), "w ");
    EXPECT_EQ(ema_names(below), "ema.v");
  }
  EXPECT_EQ(ema_names(weights), "w");
}

}  // namespace
}  // namespace lanewise::converters
