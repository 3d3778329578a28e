// Files of torch.save() that are damaged or inconsistent.

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "converters/formats/pickle.hpp"
#include "tests/converters/pytorch_file.hpp"

namespace lanewise::converters {
namespace {

using namespace pickled;

// --- Damaged pickles ---

TEST_F(PytorchTest, RefusesDamagedPickles) {
  const std::string four_bytes("\xff\xff\xff\x7f", 4);
  const std::string eight_bytes("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
  const std::string most("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  for (const auto& [bytes, part] : std::vector<std::pair<std::string, std::string>>{
           {"h\7", "memo entry 7 was never set"},
           {"j" + four_bytes, "was never set"},
           {"Nq\3h\2", "memo entry 2 was never set"},
           {"Nr" + four_bytes, "too many memo entries"},
           {"\x8b" + four_bytes, "bytes where"},
           {"X" + four_bytes + "x", "bytes where"},
           {"T" + four_bytes + "x", "bytes where"},
           {"B" + four_bytes + "x", "bytes where"},
           {"\x8d" + eight_bytes + "x", "bytes where"},
           {"\x8d" + most + "x", "bytes where"},
           {"\x8e" + most + "x", "bytes where"},
           {"\x96" + most + "x", "bytes where"},
           {"\x95" + most + "N", "frame"},
           {"\x80\6N", "protocol 6"},
           {"\x80\1N", "protocol 1"},
           {"\xff", "no opcode at byte 2"},
           {"", "stack is empty"},
           {"R", "stack is empty"},
           {"N0"
            "0",
            "stack is empty"},
           {"N2", "stack is not empty at the end"},
           {"N(", "stack is empty"},
           {"(N(", "stack is empty"},
           {"e", "no mark"},
           {"t", "no mark"},
           {"1", "no mark"},
           {"(e", "stack is empty"},
           {"N(Ne", "than a list, dict or set"},
           {"](NNu", "than a list, dict or set"},
           {"}(Nu", "a key without a value"},
           {"(Nd", "a key without a value"},
           {"]N(\x87", "stack is empty"},
           {"NQ", "persistent id"},
           {tuple({text("storage")}) + "Q", "persistent id"},
           {tuple({text("module"), global("torch", "FloatStorage"), text("0"), "N", integer(4)}) +
                "Q",
            "persistent id"},
           {tuple({text("storage"), global("torch", "Size"), text("0"), "N", integer(4)}) + "Q",
            "persistent id"},
           {tuple({text("storage"), "N", text("0"), "N", integer(4)}) + "Q", "persistent id"},
           {storage("FloatStorage", "0", -4), "persistent id"},
           {tuple({text("storage"), global("torch", "FloatStorage"), text("0"), "N", integer(4),
                   tuple({text("0"), integer(3), integer(2)})}) +
                "Q",
            "leaves its storage"}}) {
    expect_refused(pickle(bytes), part);
  }
  expect_refused("N.", "expected a state dict");
  expect_refused("\x80\2cos", "ends before its STOP");
}

TEST_F(PytorchTest, StaysWithinLimits) {
  expect_refused(pickle(std::string(2000, '(')), "nested too deeply");
  const std::string many = pickle(std::string((1U << 22) + 1, ']'));
  const auto read = read_pickle(std::as_bytes(std::span(many)), 0);
  EXPECT_TRUE(has(read.status().message(), "too many objects"));
  std::string steps;
  for (size_t i = 0; i < (size_t{1} << 23); ++i) steps += "(1";
  const std::string long_pickle = pickle(steps + "N");
  EXPECT_TRUE(has(read_pickle(std::as_bytes(std::span(long_pickle)), 0).status().message(),
                  "too many opcodes"));
  // Nested or self-referential lists: our recursion must not follow theirs.
  const std::string nested = std::string(100'000, ']') + std::string(99'999, 'a');
  expect_refused(pickle(nested), "expected a state dict");
  expect_refused(pickle("]q" + std::string(1, '\0') + "h" + std::string(1, '\0') + "a"),
                 "expected a state dict");
  const std::string itself = std::string("}q\0", 3) + text("a") + std::string("h\0s", 3);
  expect_refused(pickle(itself), "holds no state dict");
  // A list of a thousand pairs, converted to a dictionary again and again.
  std::string pairs = "](";
  for (int i = 0; i < 1000; ++i) pairs += "NN\x86";
  pairs += std::string("eq\0", 3) + "0";
  std::string bomb = pairs + "](";
  for (int i = 0; i < 2000; ++i) {
    bomb += global("collections", "OrderedDict") + std::string("h\0", 2) + "\x85R";
  }
  expect_refused(pickle(bomb + "e"), "too many dictionary entries");
}

TEST_F(PytorchTest, RefusesFilesThatAreCutOff) {
  const TorchTensors torch =
      torch_tensors({{"w", as_type(Tensor(DataType::kF32, {4}), DataType::kF64)},
                     {"b", Tensor(DataType::kF32, {2, 3})}});
  const std::string legacy = torch_legacy(torch.pickle, torch.storages, torch.element_bytes);
  const std::string zip = torch_zip(torch.pickle, torch.storages);
  ASSERT_NE(opened(legacy), nullptr);
  ASSERT_NE(opened(zip), nullptr);
  for (size_t size = 1; size < legacy.size(); ++size) refusal(legacy.substr(0, size));
  for (size_t size = 1; size < zip.size(); size += 3) refusal(zip.substr(0, size));
}

// --- Tensors that do not fit their storages ---

TEST_F(PytorchTest, RefusesTensorsOutsideTheirStorage) {
  constexpr int64_t kMost = INT64_MAX;
  const Shape too_many(65, 1);
  for (const std::string& lie :
       {tensor(four(), {5}),
        tensor(four(), {4}, 1),
        tensor(four(), {4}, -1),
        tensor(four(), {2, 2}, 0, Shape{4, 1}),
        tensor(four(), {2}, 0, Shape{-1}),
        tensor(four(), {3}, 0, Shape{kMost}),
        tensor(four(), {kMost, kMost}, 0, Shape{1, 1}),
        tensor(four(), {kMost}, 0, Shape{kMost}),
        tensor(four(), {2}, kMost, Shape{kMost}),
        tensor(four(), {-1}),
        tensor(four(), {2, 2}, 0, Shape{1}),
        tensor(four(), {}, 4),
        tensor(four(), too_many),
        tensor(four(), {kMost}, 0, Shape{0}),
        tensor(four(), {1 << 20, 1 << 20}, 0, Shape{0, 0}),
        call(kRebuild, tuple({"N", integer(0), tuple({1}), tuple({1}), "\x89", "N"})),
        call(kRebuild, tuple({four(), "N", tuple({1}), tuple({1}), "\x89", "N"})),
        call(kRebuild, tuple({four(), integer(0), "N", tuple({1}), "\x89", "N"})),
        call(kRebuild, tuple({four(), integer(0), tuple({"N"}), tuple({1}), "\x89", "N"})),
        call(kRebuild, tuple({four()})),
        call(kRebuild, ")")}) {
    refusal(torch_zip(with_tensor(lie), {{"0", kFour}}));
    refusal(torch_legacy(with_tensor(lie), {{"0", kFour}}, {4}));
  }
}

TEST_F(PytorchTest, RefusesStoragesThatAreMissingOrOfAnotherSize) {
  const std::string good = with_tensor(tensor(four(), {4}));
  ASSERT_NE(opened(torch_zip(good, {{"0", kFour}})), nullptr);
  ASSERT_NE(opened(torch_legacy(good, {{"0", kFour}}, {4})), nullptr);
  EXPECT_TRUE(has(refusal(torch_zip(good, {})), "tensor 'w': storage '0' is not in the archive"));
  EXPECT_TRUE(has(refusal(torch_legacy(good, {}, {})), "storage '0' is not in the file"));
  for (const size_t bytes : {0, 12, 15, 20}) {
    EXPECT_TRUE(has(refusal(torch_zip(good, {{"0", std::string(bytes, 'x')}})),
                    "tensor 'w': storage '0': expected 16 bytes, the archive has"));
    refusal(torch_legacy(good, {{"0", std::string(bytes, 'x')}}, {4}));
  }
  const std::string huge = with_tensor(tensor(storage("DoubleStorage", "0", INT64_MAX), {4}));
  refusal(torch_zip(huge, {{"0", kFour}}));
  refusal(torch_legacy(huge, {{"0", kFour}}, {8}));
  for (const char* key : {"../0", "/etc/passwd", "", "0/../0", "\n"}) {
    const std::string elsewhere = with_tensor(tensor(four(key), {4}));
    EXPECT_TRUE(has(refusal(torch_zip(elsewhere, {{"0", kFour}})), "is not in the archive"));
  }
  EXPECT_TRUE(has(refusal(torch_legacy(good, {{"0", kFour}, {"0", kFour}}, {4, 4})), "twice"));
  EXPECT_TRUE(has(refusal(torch_legacy(good, {{"1", kFour}}, {4})), "no tensor uses"));
}

// --- Inconsistent archives ---

TEST_F(PytorchTest, RefusesDamagedArchives) {
  const std::string good = with_tensor(tensor(four(), {4}));
  const auto archive = [&](ZipFile data, ZipFile more = {"a/version", "3"}) {
    return zip_of({{"a/data.pkl", good}, std::move(data), std::move(more)});
  };
  const ZipFile data{"a/data/0", kFour};
  ASSERT_NE(opened(archive(data)), nullptr);
  for (const bool deflate : {false, true}) {
    for (const uint32_t size : {0U, 15U, 17U, 1U << 20, 0xfffffff0U}) {
      ZipFile lie{"a/data/0", kFour, deflate};
      lie.size = size;
      refusal(archive(lie));
      lie.size = 16;
      lie.packed_size = size;
      expect_unreadable(archive(lie));
    }
    ZipFile method{"a/data/0", kFour, deflate};
    method.method = 12;
    EXPECT_TRUE(has(refusal(archive(method)), "is compressed by method 12"));
  }
  refusal(archive(data, data));
  for (const char* name : {"../evil", "/etc/evil", "a/../../evil", "."}) {
    EXPECT_TRUE(has(refusal(archive(data, {name, ""})), "leads out of a folder")) << name;
  }
  EXPECT_TRUE(has(refusal(archive(data, {"b/data.pkl", good})), "several data.pkl"));
  EXPECT_TRUE(has(refusal(archive(data, {"a/byteorder", "middle"})), "unknown byteorder"));
  EXPECT_TRUE(has(refusal(zip_of({{"x.txt", "x"}})), "contains no data.pkl"));
  EXPECT_TRUE(has(refusal(zip_of({{"data.pkl", good}})), "contains no data.pkl"));
  ZipFile bomb{"a/data.pkl", std::string(1 << 18, '\0'), true};
  bomb.size = 200'000'000;
  EXPECT_TRUE(has(refusal(zip_of({bomb})), "expected at most"));
  bomb.bytes.resize(1000);
  EXPECT_TRUE(has(refusal(zip_of({bomb})), "cannot have 200000000 bytes"));
  // Deflate's best ratio, and one byte more than 1005 packed bytes can have.
  constexpr uint32_t kMost = 1005 * 1032 + 1031;
  bomb.size = kMost;
  EXPECT_FALSE(has(refusal(zip_of({bomb})), "cannot have"));
  bomb.size = kMost + 1;
  EXPECT_TRUE(has(refusal(zip_of({bomb})), "cannot have 1038192 bytes, 1005 in the archive"));
}

TEST_F(PytorchTest, ChecksTheCrc) {
  const std::string good = with_tensor(tensor(four(), {4}));
  for (const bool deflate : {false, true}) {
    ZipFile wrong{"a/data/0", kFour, deflate};
    wrong.crc = 1;
    const auto checkpoint = opened(zip_of({{"a/data.pkl", good}, wrong}));
    ASSERT_NE(checkpoint, nullptr);
    Scratch scratch;
    const auto read = checkpoint->read(checkpoint->tensors()[0], scratch);
    ASSERT_FALSE(read.ok());
    EXPECT_TRUE(has(read.status().message(), "entry 'a/data/0' is damaged", "CRC"));
    ZipFile pickle_file{"a/data.pkl", good, deflate};
    pickle_file.crc = 1;
    EXPECT_TRUE(has(refusal(zip_of({pickle_file, {"a/data/0", kFour}})), "CRC"));
  }
}

}  // namespace
}  // namespace lanewise::converters
